"""Faces by person: identity vectors, Ward's tree, its leaves in order or its branches as groups."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np

from ...extraction.protocols import Identity
from ...options.rows import IDENTITIES, find
from ..pictures import Picture
from ..protocols import Group, Tools
from ..seriation import leaf_order
from ..ward import cut, tree
from .likeness import by_size

_SHARE = 0.25  # of the tree's greatest distance, at which it is cut into groups


class Face:
    """Vectors come from the alignments or the pictures' headers; where neither has them, from the pictures."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._mutex = threading.Lock()
        self._model: Identity | None = None

    def look(self, picture: Picture) -> np.ndarray:
        """A vector [D]; or, where there is none, the chip [C, C, 3] to make it of."""
        header = picture.header
        if header.uuid in self._tools.vectors:
            return self._tools.vectors[header.uuid]
        if self._tools.identity in header.identities:
            return np.asarray(header.identities[self._tools.identity], np.float32)
        return self._identity().chip(picture.pixels, picture.landmarks)

    def collect(self, looks: Sequence[np.ndarray]) -> np.ndarray:
        chips = [look for look in looks if look.ndim == 3]
        made = iter(self._identity().vectors(chips)) if chips else iter(())
        vectors = np.stack([next(made) if look.ndim == 3 else look for look in looks])
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        return vectors / np.maximum(lengths, 1e-9)

    def order(self, measures: np.ndarray) -> np.ndarray:
        return leaf_order(self._tree(measures), measures)

    def groups(self, measures: np.ndarray, bins: int, threshold: float) -> list[Group]:
        return by_size(cut(self._tree(measures), _SHARE if threshold < 0 else threshold))

    def _tree(self, measures: np.ndarray) -> np.ndarray:
        return tree(measures, self._tools.device, self._tools.progress)

    def _identity(self) -> Identity:
        with self._mutex:
            if self._model is None:
                self._model = find(IDENTITIES, self._tools.identity).load()(self._tools.device)
            return self._model
