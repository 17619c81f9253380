"""Runs, or groups of seeds, side by side: what differs, who leads, whether it is real."""
