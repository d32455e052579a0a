"""An endless, seeded stream of training batches, prepared ahead in a background thread.

What iteration i sees depends on the seed and i alone, so a training that was cut off continues as if it had not been;
and on a face's place in the whole batch, so that several processes with a part each see together what one sees.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Sequence
from copy import copy
from typing import Protocol

import numpy as np
import torch

from ...models.base import SwapModel
from ...options.train import TrainOptions
from . import amounts
from .amounts import Growth
from .augmentation import Augmenter, Shapes, neutral_shape
from .batch import Batch
from .draws import draw, joined
from .landmark_warp import nearest

_AHEAD = 3  # batches kept ready: enough to bridge a slow one, little memory


class Crops(Protocol):
    """Anything that holds crops, as arrays do."""

    def __len__(self) -> int: ...

    def __getitem__(self, which: np.ndarray) -> np.ndarray: ...


class Faces(Protocol):
    """One side's faces, such as `data.FaceSet`: crops uint8 [F, P, P, 4 or 6], landmarks float32 [F, 68, 2] in them."""

    @property
    def crops(self) -> Crops: ...

    @property
    def landmarks(self) -> np.ndarray: ...


class Maker:
    """Makes the batch of any iteration: the first half of it A's, the second B's.

    Args:
        sides: A's and B's faces, at least one each.
        size: faces of each side in a batch, over all processes.
        augmenter: what is done to them, and on which device.
        seed: start of the random numbers.
        places: which of each side's faces this process makes; None: all.
        growth: how the augmenter's amounts change with the iterations; None: they stay.
        with_landmarks: batches tell where the landmarks are.
        to_landmarks: inputs are warped to the landmarks of similar faces of the other side, not at random.
    """

    def __init__(self, sides: tuple[Faces, Faces], size: int, augmenter: Augmenter, seed: int, *,
                 places: range | None = None, growth: Growth | None = None, with_landmarks: bool = False,
                 to_landmarks: bool = False) -> None:
        self.sides, self.size, self.augmenter, self.seed = sides, size, augmenter, seed
        self.places = range(size) if places is None else places
        self.growth = growth
        landmarks = [side.landmarks for side in sides]
        self._neutral = [neutral_shape(points, augmenter.size) for points in landmarks] if with_landmarks else None
        self._nearest = [nearest(landmarks[side], landmarks[1 - side], augmenter.device)
                         for side in (0, 1)] if to_landmarks else None

    def with_places(self, places: range) -> Maker:
        """The same for other places of the batch."""
        other = copy(self)
        other.places = places
        return other

    def make(self, iteration: int) -> Batch:
        """The batch of an iteration, counted from 0."""
        return self.show([self.indices(side, iteration) for side in (0, 1)], iteration)

    def indices(self, side: int, iteration: int) -> np.ndarray:
        """Which of a side's faces this process shows at an iteration: one shuffled round after the other."""
        count = len(self.sides[side].crops)
        places = iteration * self.size + np.asarray(self.places)
        rounds = range(int(places[0]) // count, int(places[-1]) // count + 1)
        orders = np.stack([np.random.default_rng([self.seed, side, r]).permutation(count) for r in rounds])
        return orders[places // count - rounds[0], places % count]

    @torch.no_grad()
    def show(self, chosen: Sequence[np.ndarray], iteration: int) -> Batch:
        """The faces `chosen`, as many of A as of B as there are places, as they would look at an iteration."""
        augmenter = self.augmenter
        if self.growth is not None:
            augmenter = augmenter.with_amounts(self.growth.at(augmenter.amounts, iteration))
        crops = torch.from_numpy(np.concatenate([side.crops[which]
                                                 for side, which in zip(self.sides, chosen, strict=True)]))
        draws = [draw(self.seed, iteration, side, self.places) for side in (0, 1)]
        shapes = None
        if self._neutral or self._nearest:
            shapes = self._shapes(chosen, [drawn.partner for drawn in draws])
        if augmenter.device.type == "cuda":
            crops = crops.pin_memory()  # the card reads it by itself while the processor goes on
        return augmenter(crops, joined(*draws), shapes)

    def _shapes(self, chosen: Sequence[np.ndarray], partners: Sequence[np.ndarray]) -> Shapes:
        landmarks = [side.landmarks for side in self.sides]
        own = np.concatenate([points[which] for points, which in zip(landmarks, chosen, strict=True)])
        neutral = towards = None
        if self._neutral:
            neutral = np.repeat(self._neutral, len(self.places), axis=0)
        if self._nearest:
            near = [table[which] for table, which in zip(self._nearest, chosen, strict=True)]
            picked = [table[range(len(table)), (u * table.shape[1]).astype(int)]
                      for table, u in zip(near, partners, strict=True)]
            towards = np.concatenate([landmarks[1 - side][picked[side]] for side in (0, 1)])
        return Shapes(own, neutral, towards)


def process_size(model: SwapModel) -> int:
    """Side in pixels of the crops that a model's batches are made of."""
    return max(model.input_size, model.output_size) * model.recipe.oversampling


def maker_for(options: TrainOptions, model: SwapModel, sides: tuple[Faces, Faces], device: torch.device,
              places: range | None = None) -> Maker:
    """What makes a model's batches, of crops of `process_size`.

    Args:
        device: that trains. Batches are made there if it is a CUDA card, otherwise on the processor.
        places: see `Maker`.
    """
    recipe = model.recipe
    augmenter = Augmenter(process_size(model), model.input_size, model.output_sizes, amounts.chosen(options, recipe),
                          in_one=recipe.oversampling > 1,
                          device=device if device.type == "cuda" else torch.device("cpu"))
    return Maker(sides, options.batch_size, augmenter, options.seed, places=places,
                 growth=amounts.growth(options, recipe), with_landmarks=recipe.landmark_weight > 0,
                 to_landmarks=options.warp_to_landmarks)


_Made = tuple[Batch, torch.cuda.Event | None]


class Batches:
    """The batches of iteration `first` and all that follow, made ahead in a thread of their own.

    Args:
        maker: makes them; its device may be the processor while training runs elsewhere.
        first: number of the first iteration, counted from 0.
        device: where they are handed out; None: where they are made.

    Attributes:
        waited: seconds that `next` has waited for batches so far.
        worked: processor seconds that making them has taken so far.
    """

    def __init__(self, maker: Maker, first: int = 0, device: torch.device | None = None) -> None:
        self._maker, self._next = maker, first
        made_on = maker.augmenter.device
        self._device = None if device is None or device.type == made_on.type else device
        self._stream = torch.cuda.Stream(made_on) if made_on.type == "cuda" else None
        self.waited = self.worked = 0.0
        self._queue: queue.Queue[_Made | BaseException] = queue.Queue(_AHEAD)
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._fill, name="batches", daemon=True)
        self._thread.start()

    def __enter__(self) -> Batches:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def next(self) -> Batch:
        """The batch of the next iteration."""
        begin = time.perf_counter()
        item = self._queue.get()
        self.waited += time.perf_counter() - begin
        if isinstance(item, BaseException):
            raise item
        batch, ready = item
        if ready is not None:
            # The card itself waits, not this thread; and its allocator learns who else uses the memory.
            user = torch.cuda.current_stream(self._maker.augmenter.device)
            user.wait_event(ready)
            for tensor in batch.tensors:
                tensor.record_stream(user)
        return batch if self._device is None else batch.to(self._device)

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
        torch.set_num_threads(1)  # a thread's own setting: the cores are for the networks
        iteration = self._next
        while not self._closing.is_set():
            item: _Made | BaseException
            try:
                item = self._make(iteration)
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

    def _make(self, iteration: int) -> _Made:
        begin = time.thread_time()
        if self._stream is None:
            batch, ready = self._maker.make(iteration), None
        else:
            with torch.cuda.stream(self._stream):
                batch, ready = self._maker.make(iteration), self._stream.record_event()
        self.worked += time.thread_time() - begin
        return batch, ready
