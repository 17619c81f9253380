"""From decoded arrays to tensors on the device: loading, augmentation, feature cache."""
