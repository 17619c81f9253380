"""Reusable pieces of pages: `draw_<thing>(data, *, key)`."""
