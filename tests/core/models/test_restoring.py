"""`understudy restore`: back to a backup or snapshot, with nothing lost, whenever it is stopped."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from understudy.core.errors import ModelError, UsageError
from understudy.core.jobs.lock import FileLock
from understudy.core.jobs.messages import SilentReporter
from understudy.core.models import copies, folder, info, restoring
from understudy.core.options.models import ModelInfoOptions, RestoreOptions

from .dying import run_to_step
from .test_copies import damage, with_backup
from .tiny import holds, saved

pytestmark = [pytest.mark.usefixtures("tiny_trainer"),
              pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and hard links")]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """Of 12 iterations (seed 3), with a snapshot of 9 (seed 2) and a backup of 5 (seed 1), and logs of two sessions."""
    return prepared(tmp_path)


def prepared(place: Path) -> Path:
    model = place / "model"
    second = with_backup(model)
    for session in ("session_1", "session_2"):
        (model / "logs" / session).mkdir(parents=True)
        (model / "logs" / session / "events").write_bytes(session.encode())
    copies.keep(model, second, copies.snapshot_place(model, 9), logs=True)
    saved(model, seed=3, state=second, iterations=12)
    (model / "preview.png").write_bytes(b"picture of 12")
    return model


def restore(model: Path, **options: Any) -> dict[str, Any]:
    return restoring.run(RestoreOptions(str(model), **options), SilentReporter())


def archives(model: Path) -> list[Path]:
    return [copy.place for copy in copies.find_copies(model) if copy.kind == "archive"]


def test_a_list_says_what_there_is(model: Path) -> None:
    told = restore(model)
    assert [(copy["kind"], copy["iterations"]) for copy in told["copies"]] == [("backup", 5), ("snapshot", 9)]
    assert Path(told["copies"][0]["preview"]).read_bytes() == b"picture of 5"
    assert told["text"].splitlines()[0].startswith("backup    5 iterations  20")
    assert restore(model, list=True)["copies"] == told["copies"]
    shutil.rmtree(copies.backup_place(model))
    shutil.rmtree(copies.snapshot_place(model, 9))
    assert restore(model)["text"] == f"There are no copies of the model in {model}"


def test_back_to_the_backup(model: Path) -> None:
    result = restore(model, backup=True)
    assert (result["restored"], result["iterations"]) == ("backup", 5)
    assert holds(model, 1)
    assert (model / "preview.png").read_bytes() == b"picture of 5"
    assert [path.name for path in (model / "logs").iterdir()] == ["session_1"]
    (archive,) = archives(model)
    assert str(archive) == result["archive"]
    assert holds(archive, 3)
    assert (archive / "preview.png").read_bytes() == b"picture of 12"
    assert len(list((archive / "logs").iterdir())) == 2
    assert (model / folder.read_state(model).model_file).stat().st_nlink == 1  # a bad block will not cost both
    saved(model, seed=7, state=folder.read_state(model), iterations=20)
    assert holds(copies.backup_place(model), 1)
    assert holds(model, 7)


def test_back_to_a_snapshot_and_forth_again(model: Path) -> None:
    restore(model, snapshot=9)
    assert holds(model, 2)
    assert len(list((model / "logs").iterdir())) == 2
    again = restore(model, snapshot=9)
    assert again["archive"] == ""
    assert len(archives(model)) == 1
    (archive,) = archives(model)
    assert folder.load(archive).iterations == 12  # what was archived is a model like any other
    restoring.bring_back(model, archive, folder.read_state(archive), logs=True)
    assert holds(model, 3)


@pytest.mark.parametrize("what", ["weights", "state", "optimizer"])
def test_back_from_a_damaged_model(model: Path, what: str) -> None:
    state = folder.read_state(model)
    if what == "weights":
        damage(model)
    elif what == "state":
        (model / "state.json").write_bytes(b"\0" * 80)
    else:
        (model / state.optimizer_file).unlink()
    restore(model, backup=True)
    assert holds(model, 1)
    (archive,) = archives(model) or [copies.archive_place(model, "x")]
    assert (archive / state.model_file).is_file()  # for whoever wants to look what can be saved


def test_refusals_change_nothing(model: Path, tmp_path: Path) -> None:
    before = sorted(str(path) for path in tmp_path.rglob("*"))
    with pytest.raises(UsageError, match="exclude each other"):
        restore(model, backup=True, snapshot=9)
    with pytest.raises(ModelError, match=r"no snapshot of 7 iterations.*There is: the backup of 5.*snapshot of 9"):
        restore(model, snapshot=7)
    with pytest.raises(ModelError, match="There is no model in"):
        restore(tmp_path / "nowhere", backup=True)
    lock = FileLock(model / folder.LOCK_NAME)
    assert lock.acquire()
    with pytest.raises(ModelError, match=r"A training is running in .*Stop it first"):
        restore(model, backup=True)
    assert restore(model)["copies"]  # looking is allowed
    lock.release()
    damage(copies.backup_place(model))
    with pytest.raises(ModelError, match=r"The backup in .*backup is damaged.*--list"):
        restore(model, backup=True)
    (model / folder.LOCK_NAME).unlink()
    assert sorted(str(path) for path in tmp_path.rglob("*")) == before
    assert holds(model, 3)


@pytest.mark.parametrize("stride", [5, pytest.param(1, marks=pytest.mark.long)])
@pytest.mark.parametrize("options", [{"backup": True}, {"snapshot": 9}])
def test_ended_at_any_step_and_run_again(tmp_path: Path, options: dict[str, Any], stride: int) -> None:
    """At every instant the model is what it was or what it should become, and the second run finishes."""
    step, seen = 0, set()
    seed = 1 if "backup" in options else 2
    prepared(tmp_path / "template")
    while True:
        model = shutil.copytree(tmp_path / "template", tmp_path / str(step)) / "model"
        ended = run_to_step(lambda model=model: restore(model, **options), step)
        iterations = folder.load(model).iterations
        assert holds(model, 3 if iterations == 12 else seed)
        seen.add(iterations)
        restore(model, **options)
        assert holds(model, seed)
        (archive,) = archives(model)
        assert holds(archive, 3)
        assert not list(model.parent.glob("*.partial"))
        shutil.rmtree(model.parent)
        if not ended:
            break
        step += stride
    assert seen == {12, 5 if seed == 1 else 9}
    assert step > 15


def test_information_about_a_model(model: Path) -> None:
    told = info.run(ModelInfoOptions(str(model), check=True), SilentReporter())
    assert (told["trainer"], told["iterations"], told["damaged"]) == ("tiny", 12, [])
    assert told["parameters"] == sum(p.numel() for p in folder.load(model).model.parameters())
    assert told["text"].startswith("tiny: 0.0 million parameters, 16 px in, 16 px out")
    assert "backup    5 iterations" in told["text"]
    state = json.loads((model / folder.STATE_NAME).read_text())
    for wrong in ({"settings": {"trainer": "tiny", "trainer_options": {"x": 1}}}, {"sessions": [{"seconds": "x"}]}):
        shutil.copytree(model, other := model.with_name("other"), dirs_exist_ok=True)
        (other / folder.STATE_NAME).write_text(json.dumps(state | wrong))
        with pytest.raises(ModelError, match=r"state\.json is damaged"):
            info.run(ModelInfoOptions(str(other)), SilentReporter())
    damage(copies.backup_place(model))
    told = info.run(ModelInfoOptions(str(model), check=True), SilentReporter())
    assert [Path(path).parent.name for path in told["damaged"]] == ["backup"]
    damage(model)
    assert info.run(ModelInfoOptions(str(model)), SilentReporter())["damaged"] == []
    with pytest.raises(ModelError, match=r"are damaged\. Bring the snapshot of 9 iterations back"):
        info.run(ModelInfoOptions(str(model), check=True), SilentReporter())
