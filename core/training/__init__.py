"""Training: data, augmentation, losses, loop, previews and logs."""
