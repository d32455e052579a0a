"""An endless, seeded stream of training batches, prepared ahead in a background thread.

What iteration i sees depends on the seed and i alone, so a training that was cut off continues as if it had not been.
"""

from __future__ import annotations

import queue
import threading
from dataclasses import replace

import numpy as np

from .augmentation import Augmenter, Batch, Growth, neutral_shape

_AHEAD = 3  # batches kept ready: enough to bridge a slow one, little memory


class Batches:
    """Batches of both sides from iteration `first` on: the first half of each is A's, the second B's.

    Args:
        crops_a, crops_b: uint8 [N, P, P, 4] (RGB and mask), at least one face each.
        size: faces of each side in a batch.
        augmenter: what is done to them.
        seed: start of the random numbers.
        first: number of the first iteration, counted from 0.
        landmarks: of both sides, float32 [N, 68, 2] in the crops' pixels, if the batches are to hold them.
        growth: how the augmenter's amounts change with the iterations; None: they stay.
    """

    def __init__(self, crops_a: np.ndarray, crops_b: np.ndarray, size: int, augmenter: Augmenter, seed: int,
                 first: int = 0, landmarks: tuple[np.ndarray, np.ndarray] | None = None,
                 growth: Growth | None = None) -> None:
        self._sides = (crops_a, crops_b)
        self._landmarks, self._growth = landmarks, growth
        # What is left of the landmarks without it is pose and expression, and means the same on both sides.
        self._neutral = np.repeat([neutral_shape(side, augmenter.size) for side in landmarks], size, axis=0
                                  ) if landmarks else None
        self._size, self._augmenter, self._seed, self._next = size, augmenter, seed, first
        self._queue: queue.Queue[Batch | BaseException] = queue.Queue(_AHEAD)
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._fill, name="batches", daemon=True)
        self._thread.start()

    def __enter__(self) -> Batches:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def next(self) -> Batch:
        """The batch of the next iteration."""
        item = self._queue.get()
        if isinstance(item, BaseException):
            raise item
        return item

    def close(self) -> None:
        """Stop the thread; may be called twice."""
        self._closing.set()
        while self._thread.is_alive():
            try:
                self._queue.get(timeout=0.05)  # room for a put that waits
            except queue.Empty:
                pass
        self._thread.join()

    def _fill(self) -> None:
        iteration = self._next
        while not self._closing.is_set():
            try:
                item: Batch | BaseException = self.make(iteration)
            except BaseException as error:  # handed to whoever asks next
                item = error
            while not self._closing.is_set():
                try:
                    self._queue.put(item, timeout=0.2)
                    break
                except queue.Full:
                    continue
            if isinstance(item, BaseException):
                return
            iteration += 1

    def make(self, iteration: int) -> Batch:
        """The batch of any iteration."""
        chosen = [self.indices(side, len(crops), iteration) for side, crops in enumerate(self._sides)]
        picked = np.concatenate([crops[which] for crops, which in zip(self._sides, chosen, strict=True)])
        rng = np.random.default_rng([self._seed, 2, iteration])
        augmenter = self._augmenter
        if self._growth is not None:
            augmenter = augmenter.with_amounts(self._growth.at(augmenter.amounts, iteration))
        if self._landmarks is None:
            return augmenter(picked, rng)
        points = np.concatenate([side[which] for side, which in zip(self._landmarks, chosen, strict=True)])
        batch = augmenter(picked, rng, points)
        assert batch.landmarks is not None  # as they were given
        assert self._neutral is not None
        relative = (batch.landmarks - self._neutral) * (10 / self._augmenter.size)
        return replace(batch, landmarks=relative.astype(np.float32))

    def indices(self, side: int, count: int, iteration: int) -> np.ndarray:
        """Which of a side's `count` faces iteration `iteration` shows: one shuffled round after the other."""
        places = np.arange(iteration * self._size, (iteration + 1) * self._size)
        rounds = range(int(places[0]) // count, int(places[-1]) // count + 1)
        orders = np.stack([np.random.default_rng([self._seed, side, r]).permutation(count) for r in rounds])
        return orders[places // count - rounds[0], places % count]
