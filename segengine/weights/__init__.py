"""Weights in files: checkpoints, and encoders filled from runs, published files and others."""
