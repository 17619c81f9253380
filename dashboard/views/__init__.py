"""One script a page: layout only."""
