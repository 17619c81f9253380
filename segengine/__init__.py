"""SegLab's engine: everything that makes, runs and reads segmentation experiments.

Importing this package is free: torch is loaded only by the modules that compute with it.
"""

__version__ = "0.1.0"
