"""From a trained model to finished frames: colour, masks, compositing, writers."""
