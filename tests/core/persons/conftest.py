"""Films of invented people: where each is in which frame, and whom their vectors say they are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from understudy.core.faces.nouns import Face, SourceInfo
from understudy.core.faces.store import AlignmentsStore, Found

LENGTH = 400
Appearance = tuple[str, float]  # who, and the left edge of the face's box


def person_vector(who: str, seed: int, spread: float = 0.25) -> np.ndarray:
    """A vector as dlib makes them: a large part that everyone shares, somebody's own, and what varies."""
    everyone = np.full(128, 0.09)
    own = np.random.default_rng(sum(map(ord, who))).standard_normal(128) * 0.05
    noise = np.random.default_rng(seed).standard_normal(128) * 0.05 * spread
    return (everyone + own + noise).astype(np.float32)


class Film:
    """A store that is filled frame by frame; `who[uuid]` is the truth."""

    def __init__(self, path: Path) -> None:
        self.store = AlignmentsStore.create(path, SourceInfo("film", "film.mp4", 1000, 500, "25", LENGTH))
        self.who: dict[str, str] = {}
        self._seed = 0

    def show(self, frames: Sequence[int], appearances: Callable[[int], Sequence[Appearance]],
             settings: str = "s") -> None:
        """Record what is found in frames, as extraction does."""
        with self.store.transaction():
            for frame in frames:
                self._show(frame, appearances(frame), settings)

    def _show(self, frame: int, appearances: Sequence[Appearance], settings: str) -> None:
        found = []
        for who, left in appearances:
            self._seed += 1
            face = Face(frame, (left, 100.0, 100.0, 100.0), np.full((68, 2), left + frame, np.float32), "dlib", "dlib",
                        1.0)
            found.append(Found(face, identities={"dlib": person_vector(who, self._seed)}))
        faces = self.store.write_frame(frame, f"film_{frame:06d}", settings, found)
        by_left = {face.box[0]: face for face in faces}
        self.who |= {by_left[left].uuid: who for who, left in appearances if left in by_left}

    def named(self) -> dict[str, str | None]:
        """Whose each face is now, by uuid."""
        people = self.store.people()
        return {face.uuid: None if face.person is None else people[face.person]
                for _, faces in self.store.iterate() for face in faces}

    def parted(self) -> dict[str, set[str | None]]:
        """For everyone in truth, what their faces are called."""
        named = self.named()
        return {who: {named[uuid] for uuid, truth in self.who.items() if truth == who and uuid in named}
                for who in set(self.who.values())}


@pytest.fixture
def film(tmp_path):
    made = Film(tmp_path / "film_alignments.db")
    yield made
    made.store.close()
