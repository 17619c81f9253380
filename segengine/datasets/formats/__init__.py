"""How masks and class tables are stored."""
