"""The sheet of what augmentation does."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from understudy.core.cli import main
from understudy.core.errors import OutputError
from understudy.core.jobs.messages import SilentReporter
from understudy.core.media.images import read_image
from understudy.core.media.provenance import is_marked
from understudy.core.options.train import TrainOptions
from understudy.core.training import task
from understudy.core.training.augmenting.augmentation_sheet import HEADINGS

pytestmark = pytest.mark.usefixtures("tiny_trainer")
CELL = 128


def options(faces_a: Path, faces_b: Path, model: Path, **chosen: object) -> TrainOptions:
    return TrainOptions(input_a=str(faces_a), input_b=str(faces_b), model_dir=str(model), trainer="tiny", batch_size=2,
                        **chosen)


def columns(sheet: np.ndarray) -> list[np.ndarray]:
    """The faces of each column, without its heading."""
    faces = sheet[-6 * CELL:].astype(int)
    return [faces[:, start: start + CELL] for start in range(0, sheet.shape[1], CELL)]


@pytest.mark.parametrize("to_landmarks", [False, True])
def test_the_sheet_shows_both_sides_and_trains_nothing(faces_a: Path, faces_b: Path, tmp_path: Path,
                                                       to_landmarks: bool) -> None:
    model = tmp_path / "model"
    chosen = options(faces_a, faces_b, model, show_augmentation="augmentation.png", warp_to_landmarks=to_landmarks)
    result = task.run(chosen, SilentReporter())
    assert result["file"] == str(model / "augmentation.png")
    assert [path.name for path in model.iterdir()] == ["augmentation.png"]
    assert is_marked(model / "augmentation.png")
    sheet = read_image(model / "augmentation.png")
    shown = columns(sheet)
    assert len(shown) == 2 * len(HEADINGS) == 12
    for plain, _mask, target, fed, again, _ in (shown[:6], shown[6:]):
        assert 1 < np.abs(target - plain).mean() < 60
        assert 0.5 < np.abs(fed - target).mean() < 40
        assert np.abs(again - target).mean() > 1
    task.run(chosen, SilentReporter())
    assert np.array_equal(read_image(model / "augmentation.png"), sheet)


def test_without_augmentation_inputs_are_the_targets(faces_a: Path, faces_b: Path, tmp_path: Path) -> None:
    still = {"warp": False, "flip": False, "augment_color": False, "rotation_range": 0.0, "zoom_amount": 0.0,
             "shift_range": 0.0}
    path = tmp_path / "elsewhere" / "still.png"
    task.run(options(faces_a, faces_b, tmp_path / "model", show_augmentation=str(path), **still), SilentReporter())
    assert not (tmp_path / "model").exists()
    plain, _, target, fed, again, _ = columns(read_image(path))[:6]
    assert np.array_equal(target, fed)
    assert np.array_equal(target, again)
    assert np.abs(target - plain).mean() < 8  # the model's 16 pixels beside the crop's 32


def test_the_flag_may_stand_alone(faces_a: Path, faces_b: Path, tmp_path: Path,
                                  capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNDERSTUDY_CONSENT", "1")
    places = ["--input-a", str(faces_a), "--input-b", str(faces_b), "--model-dir", str(tmp_path)]
    assert main(["train", *places, "--trainer", "sketch", "--show-augmentation", "--zoom-amount", "20"]) == 0
    assert "augmentation.png" in capsys.readouterr().out
    assert (tmp_path / "augmentation.png").is_file()
    assert main(["train", *places, "--rotation-range", "26"]) == 2
    assert "-1 to 25" in capsys.readouterr().err


def test_a_place_that_cannot_be_written_is_named(faces_a: Path, faces_b: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match="file"):
        task.run(options(faces_a, faces_b, tmp_path / "model", show_augmentation=str(tmp_path / "file" / "a.png")),
                 SilentReporter())
