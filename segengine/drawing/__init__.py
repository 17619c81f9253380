"""Synthetic pictures with labels: numpy and Pillow only, knows nothing of the rest."""
