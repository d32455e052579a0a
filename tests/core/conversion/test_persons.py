"""Convert only one person, through the whole film: everybody else stays as they are, bit for bit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from understudy.core.conversion.task import run
from understudy.core.errors import AlignmentsError
from understudy.core.faces import persons
from understudy.core.faces.store import AlignmentsStore
from understudy.core.jobs.messages import SilentReporter
from understudy.core.media.images import read_image


def test_only_chosen_persons_are_converted(images: Any, options: Callable, save_mirror: Callable,
                                           tmp_path: Path) -> None:
    model = save_mirror(tmp_path / "model", b=0.5)
    with AlignmentsStore.open(images.store) as store:
        persons.assign(store, [face.uuid for _, faces in store.iterate() for face in faces if face.position == 1],
                       "Anna")
        persons.assign(store, [face.uuid for face in store.faces(2)], "Bea")
        persons.assign(store, [face.uuid for face in store.faces(6)], "Carla")
    result = run(options(images, model, writer="images", persons=("anna", "Bea")), SilentReporter())
    assert (result["faces"], result["with_faces"], result["converted"]) == (2, 2, 10)
    for index, before in enumerate(images.frames()):
        after = read_image(tmp_path / "out" / f"img_{2 * index + 5}.png")
        assert np.array_equal(after, before) == (index not in (2, 5)), index
    run(options(images, model, writer="images"), SilentReporter())  # everyone: the same pictures are made anew
    assert not np.array_equal(read_image(tmp_path / "out" / "img_17.png"), images.frames()[6])


def test_a_name_that_nobody_has_is_told_before_anything_is_written(images: Any, options: Callable,
                                                                   save_mirror: Callable, tmp_path: Path) -> None:
    model = save_mirror(tmp_path / "model")
    with AlignmentsStore.open(images.store) as store:
        persons.assign(store, [face.uuid for face in store.faces(2)], "Bea")
    with pytest.raises(AlignmentsError, match=r"called 'Zoe'\. Known: Bea"):
        run(options(images, model, persons=("Zoe",)), SilentReporter())
    with pytest.raises(AlignmentsError, match="no faces of Bea"):
        run(options(images, model, persons=("Bea",), frames="0-1"), SilentReporter())
    assert not (tmp_path / "out").exists()
