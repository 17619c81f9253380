"""Weights in files: checkpoints, and encoders filled from what others published."""
