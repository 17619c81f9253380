"""Which images train, choose and test: roles made from a dataset's splits, and seeded draws."""
