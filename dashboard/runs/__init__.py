"""Runs: every run with its state, and what can be done with it."""
