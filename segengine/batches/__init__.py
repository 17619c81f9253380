"""From decoded arrays to tensors on the device: load, augment, features that are kept."""
