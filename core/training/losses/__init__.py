"""What training minimises: one function per way to compare pictures, and `FaceLoss`, which weighs and adds them."""

from .face import FaceLoss, Measure

__all__ = ["FaceLoss", "Measure"]
