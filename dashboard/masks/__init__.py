"""Masks: image, truth and predictions side by side."""
