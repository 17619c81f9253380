"""Counting pixels on the device that computes them: confusion, boundaries, means."""
