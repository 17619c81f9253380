"""Run: one run in full, on a page with an address of its own."""
