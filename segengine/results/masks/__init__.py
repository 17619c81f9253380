"""Predicted masks: which there are, how well they fit, in which order they are looked at."""
