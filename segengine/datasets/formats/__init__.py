"""How masks and class tables are stored, and how they are read."""
