"""What a training step is fed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

Tensors = tuple[torch.Tensor, ...]


@dataclass(frozen=True, eq=False)
class Batch:
    """Faces as the training step takes them, on its device; the first half A's, the second B's.

    Attributes:
        feed: float32 [N, 3, input, input], RGB in [0, 1]: augmented and warped.
        targets: float32 [N, 3, S, S], RGB in [0, 1], for each of the model's output sizes, smallest first: augmented
            but not warped.
        masks: float32 [N, 1, S, S] in [0, 1] for each output size, 1 inside the face.
        eyes, mouths: like `masks`, 1 on what lies on the eyes and the mouth; empty where they count like the rest.
        landmarks: float32 [N, 136], x and y of each of the 68 landmarks as they lie in the targets, less the mean shape
            of their side, in tenths of the crop's side; what is left is pose and expression and means the same on both
            sides. None where nobody asked for them.
    """

    feed: torch.Tensor
    targets: Tensors
    masks: Tensors
    eyes: Tensors = ()
    mouths: Tensors = ()
    landmarks: torch.Tensor | None = None

    def __len__(self) -> int:
        return len(self.feed)

    def faces(self, which: slice) -> Batch:
        """Some of the faces: views of the same memory."""
        return self._each(lambda x: x[which])

    @classmethod
    def joined(cls, parts: Sequence[Batch]) -> Batch:
        """The faces of all parts, one after the other."""
        whole = iter([torch.cat(same) for same in zip(*(part.tensors for part in parts), strict=True)])
        return parts[0]._each(lambda _: next(whole))

    def to(self, device: torch.device) -> Batch:
        return self._each(lambda x: x.to(device))

    @property
    def tensors(self) -> Tensors:
        """Everything that the batch holds."""
        landmarks = () if self.landmarks is None else (self.landmarks,)
        return (self.feed, *self.targets, *self.masks, *self.eyes, *self.mouths, *landmarks)

    def _each(self, change: Callable[[torch.Tensor], torch.Tensor]) -> Batch:
        """Each tensor changed, in the order of `tensors`."""
        feed = change(self.feed)
        targets, masks, eyes, mouths = (tuple(map(change, kind))
                                        for kind in (self.targets, self.masks, self.eyes, self.mouths))
        landmarks = None if self.landmarks is None else change(self.landmarks)
        return Batch(feed, targets, masks, eyes, mouths, landmarks)


def random_batch(input_size: int, output_sizes: Sequence[int], faces: int, device: torch.device, *,
                 with_parts: bool = False) -> Batch:
    """A batch of noise for measurements: as large as one of `faces` faces of each side."""
    def noise(channels: int, size: int) -> torch.Tensor:
        return torch.rand(2 * faces, channels, size, size, device=device)

    targets, masks = (tuple(noise(channels, size) for size in output_sizes) for channels in (3, 1))
    parts = (masks, masks) if with_parts else ((), ())
    return Batch(noise(3, input_size), targets, masks, *parts, landmarks=torch.randn(2 * faces, 136, device=device))
