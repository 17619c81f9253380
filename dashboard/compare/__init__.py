"""Compare: what differs between runs, which leads, and whether the difference is real."""
