"""Guide: the documentation, rendered from assets/guide."""
