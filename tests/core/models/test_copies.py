"""Backups and snapshots: models of their own, cheap to make, whole at every instant."""

from __future__ import annotations

import os
import resource
import shutil
from pathlib import Path

import pytest

from understudy.core.errors import ModelError, OutputError
from understudy.core.models import copies, files, folder
from understudy.core.models.folder import ModelState

from .dying import run_to_step
from .tiny import holds, saved

pytestmark = [pytest.mark.usefixtures("tiny_trainer"),
              pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and hard links")]


def with_backup(place: Path) -> ModelState:
    """A model of 9 iterations (seed 2) whose backup is of 5 (seed 1)."""
    first = saved(place, seed=1)
    (place / "preview.png").write_bytes(b"picture of 5")
    (place / "history").mkdir()
    (place / "history" / "0001.bin").write_bytes(b"losses")
    copies.keep(place, first, copies.backup_place(place), logs=False)
    return saved(place, seed=2, state=first, iterations=9)


def damage(place: Path) -> None:
    """Turn one bit in the middle of the weights, as a failing disk would."""
    path = place / folder.read_state(place).model_file
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.unlink()  # not in place: the file may share its blocks with a copy
    path.write_bytes(data)


def test_a_backup_stays_what_it_was_while_training_goes_on(tmp_path: Path) -> None:
    state = with_backup(tmp_path / "model")
    for seed in (3, 4):
        state = saved(tmp_path / "model", seed=seed, state=state, iterations=10 + seed)
    assert holds(tmp_path / "model", 4)
    backup = copies.backup_place(tmp_path / "model")
    assert holds(backup, 1)
    assert folder.load(backup).iterations == 5
    assert (backup / "preview.png").read_bytes() == b"picture of 5"
    assert (backup / "history" / "0001.bin").read_bytes() == b"losses"
    copies.keep(tmp_path / "model", state, backup, logs=False)
    assert holds(backup, 4)
    assert len(list(backup.glob("model.*"))) == 1


def test_a_copy_costs_no_room_until_the_next_save(tmp_path: Path) -> None:
    model = tmp_path / "model"
    first = saved(model)
    copies.keep(model, first, copies.backup_place(model), logs=False)
    path = model / first.model_file
    assert path.stat().st_nlink == 2
    files.part(path)
    assert path.stat().st_nlink == 1
    assert holds(model, 0)
    assert holds(copies.backup_place(model), 0)


def test_where_files_cannot_have_two_names_they_are_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    with_backup(tmp_path / "model")
    assert holds(copies.backup_place(tmp_path / "model"), 1)


@pytest.mark.parametrize("linked", [True, False])
def test_a_copy_that_cannot_be_written_leaves_the_one_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                                             linked: bool) -> None:
    """Real refusals: a file may not grow over 100 bytes; and a disk without room, found out before anything is done."""
    model = tmp_path / "model"
    state = with_backup(model)
    backup = copies.backup_place(model)
    if not linked:
        monkeypatch.setattr(os, "link", lambda *_: (_ for _ in ()).throw(PermissionError(1, "no links here")))
        monkeypatch.setattr(files.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 100}))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))
    try:
        with pytest.raises(OutputError, match="backup" if linked else "disk is full"):
            copies.keep(model, state, backup, logs=False)
        with pytest.raises(OutputError):
            copies.keep(model, state, copies.snapshot_place(model, 9), logs=False)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert holds(backup, 1)
    assert len(list(backup.glob("*.safetensors"))) == 2
    assert not copies.snapshot_place(model, 9).exists()


def test_an_end_at_any_step_leaves_the_old_copy_or_the_new_one(tmp_path: Path) -> None:
    step, seen = 0, set()
    state = with_backup(tmp_path / "template")
    while True:
        model = shutil.copytree(tmp_path / "template", tmp_path / str(step) / "model")
        backup, snapshot = copies.backup_place(model), copies.snapshot_place(model, 9)

        def work(model: Path = model, backup: Path = backup, snapshot: Path = snapshot) -> None:
            copies.keep(model, state, backup, logs=False)
            copies.keep(model, state, snapshot, logs=True)

        ended = run_to_step(work, step)
        assert holds(model, 2)
        old = folder.load(backup).iterations == 5
        assert holds(backup, 1 if old else 2)
        there = folder.exists(snapshot)
        assert not there or holds(snapshot, 2)
        seen.add((old, there))
        work()  # what a resumed training does
        assert holds(backup, 2)
        assert holds(snapshot, 2)
        assert {path.name for path in backup.iterdir() if files.is_weights(path.name)} == set(
            folder.read_state(backup).weight_files)
        if not ended:
            break
        step += 1
    assert seen == {(True, False), (False, False), (False, True)}
    assert step > 15


def test_a_lost_state_is_no_leave_to_train_anew(tmp_path: Path) -> None:
    """The first save would remove the weights that are there; after a first save that was cut off there is nothing."""
    with_backup(tmp_path / "model")
    (tmp_path / "model" / folder.STATE_NAME).unlink()
    assert folder.exists(tmp_path / "model")
    with pytest.raises(ModelError, match=r"state\.json is missing\. Bring the backup of 5 iterations back"):
        folder.read_state(tmp_path / "model")
    saved(tmp_path / "first")
    (tmp_path / "first" / folder.STATE_NAME).unlink()
    assert not folder.exists(tmp_path / "first")


def test_copies_are_found_latest_first_and_nothing_else_is(tmp_path: Path) -> None:
    model = tmp_path / "a [b]"  # a name that patterns would misread
    state = with_backup(model)
    for iterations in (25_000, 5_000, 100_000):
        copies.keep(model, state, copies.snapshot_place(model, iterations), logs=True)
    copies.keep(model, state, copies.archive_place(model, "20250102_030405"), logs=True)
    for other in ("a [b]_snapshot_7_iters", "a [b]_snapshot_x_iters", "a b_snapshot_5_iters", "a [b]_archived_2"):
        (tmp_path / other).mkdir()
    found = [(copy.kind, copy.place.name) for copy in copies.find_copies(model)]
    assert found == [("backup", "backup"), ("snapshot", "a [b]_snapshot_100000_iters"),
                     ("snapshot", "a [b]_snapshot_25000_iters"), ("snapshot", "a [b]_snapshot_5000_iters"),
                     ("archive", "a [b]_archived_20250102_030405")]


def test_the_way_back_is_the_latest_copy_that_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = tmp_path / "model"
    state = with_backup(model)
    copies.keep(model, state, copies.snapshot_place(model, 9), logs=True)
    damage(model)
    for place in (model, Path("model")):  # as a person may have typed it
        monkeypatch.chdir(tmp_path)
        with pytest.raises(ModelError, match=rf"damaged\. Bring the backup of 5 iterations back: understudy restore "
                                             rf"{place} --backup\.$"):
            folder.load(place)
    damage(copies.backup_place(model))
    with pytest.raises(ModelError, match=r"the snapshot of 9 iterations back: understudy restore .*model --snapshot 9"):
        folder.load(model)
    (model / "state.json").write_text("{")
    with pytest.raises(ModelError, match=r"state\.json is damaged\. Bring the snapshot of 9"):
        folder.read_state(model)
    damage(copies.snapshot_place(model, 9))
    with pytest.raises(ModelError, match="Put a copy of the model folder in its place"):
        folder.load(model)
