"""`mask bake`: what Blender drew goes to the right faces, together or cleared; Blender itself is played by a script."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from understudy.core.errors import Stopped, UnderstudyError, UsageError
from understudy.core.extraction.maskers.stored import lay
from understudy.core.masking.baking import run
from understudy.core.options.mask import MaskBakeOptions

from .conftest import FRAMES, HEIGHT, WIDTH, Listener, Scene

# Draws, for every wanted frame of each mask in SCRIPT_MASKS, a box that moves with the frame.
PLAYER = """
import json, sys
from pathlib import Path
import cv2, numpy as np
spec = json.loads(Path(sys.argv[-1]).read_text())
told = []
for number, (mode, person, x, y, frames) in enumerate(json.loads(Path(spec["blend"]).read_text())):
    pictures = {}
    for frame in sorted(set(frames) & set(spec["frames"])):
        mask = np.zeros(spec["size"][::-1], np.uint8)
        mask[y:y + 40, x + frame:x + frame + 40] = 255
        name = f"{number}_{frame}.png"
        cv2.imwrite(str(Path(spec["output"]) / name), mask)
        pictures[frame] = name
    told.append({"name": f"mask {number}", "mode": mode, "person": person, "pictures": pictures})
(Path(spec["output"]) / "masks.json").write_text(json.dumps(told))
"""


def options(scene: Scene, folder: Path, masks: list[Any], player: str = PLAYER, **values: Any) -> MaskBakeOptions:
    program = folder / "python"
    program.write_text(f'#!/bin/sh\ntest "$1" = --version && {{ echo Python 3; exit; }}\nexec {sys.executable} "$@"\n')
    program.chmod(0o755)
    (folder / "player.py").write_text(player)
    (folder / "masks.blend").write_text(json.dumps(masks))
    return MaskBakeOptions(source=str(scene.path), blend=str(folder / "masks.blend"), blender_python=str(program),
                           script=str(folder / "player.py"), **values)


def shown(scene: Scene, frame: int, kind: str, position: int = 0) -> np.ndarray | None:
    """The stored mask of a face over its frame."""
    with scene.open() as store:
        mask = store.mask(store.faces(frame)[position].uuid, kind)
    return None if mask is None else lay(mask, np.eye(2, 3), (WIDTH, HEIGHT))


def boxes(*corners: tuple[int, int]) -> np.ndarray:
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    for x, y in corners:
        mask[y:y + 40, x:x + 40] = 255
    return mask


def assert_same(mask: np.ndarray | None, wanted: np.ndarray) -> None:
    assert mask is not None
    edge = 3
    inner = np.pad(wanted, edge)
    around = np.stack([inner[i:i + HEIGHT, j:j + WIDTH] for i in range(2 * edge + 1) for j in range(2 * edge + 1)])
    flat = around.min(0) == around.max(0)
    assert np.abs(mask.astype(int) - wanted)[flat].max() < 12


def test_masks_go_to_their_persons_and_frames(video: Scene, tmp_path: Path) -> None:
    with video.open() as store:
        anna, ben = store.add_person("Anna"), store.add_person("Ben")
        store.set_persons({face.uuid: ben if face.position else anna for _, faces in store.iterate()
                           for face in faces})
    masks = [["SUBTRACT", "anna", 100, 90, list(range(5))], ["SUBTRACT", "", 150, 120, [3, 4, 6]],
             ["ADD", "Ben", 20, 200, [4]], ["ADD", "Carla", 20, 200, [4]]]
    listener = Listener()
    result = run(options(video, tmp_path, masks), listener)
    assert result["stored"] == {"blender-add": 1, "blender-subtract": 6}
    assert (result["cleared"], result["backup"]) == (0, "")
    assert_same(shown(video, 2, "blender-subtract"), boxes((102, 90)))
    assert_same(shown(video, 3, "blender-subtract"), boxes((103, 90), (153, 120)))
    assert shown(video, 5, "blender-subtract") is None
    assert shown(video, 4, "blender-add") is None
    assert shown(video, 4, "blender-add", position=1) is not None
    assert any("Carla" in warning for warning in listener.warnings)

    # Baked again: what no mask covers any more is cleared, after a backup, and nothing lies about.
    result = run(options(video, tmp_path, masks[1:2]), Listener())
    assert (result["stored"], result["cleared"]) == ({"blender-add": 0, "blender-subtract": 3}, 4)
    assert Path(result["backup"]).is_file()
    assert_same(shown(video, 2, "blender-subtract"), boxes())
    assert_same(shown(video, 4, "blender-subtract"), boxes((154, 120)))
    assert not list(tmp_path.glob(".understudy_masks_*"))


def test_what_cannot_be_baked_is_told_in_words(video: Scene, images: Scene, pictures: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no mask for clip\.mp4"):
        run(options(video, tmp_path, []), Listener())
    with pytest.raises(UsageError, match=r"no \.blend"):
        run(MaskBakeOptions(source=str(video.path), blend=str(tmp_path / "none.blend")), Listener())
    with pytest.raises(UsageError, match="faces folder"):
        run(MaskBakeOptions(**{**vars(options(images, tmp_path, [])), "source": str(pictures)}), Listener())
    with pytest.raises(UnderstudyError, match="no memory left") as failed:
        run(options(video, tmp_path, [], "raise SystemExit('no memory left')"), Listener())
    assert "clip_alignments_blender.log" in failed.value.hint
    assert (tmp_path / "clip_alignments_blender.log").is_file()


def test_a_stopped_bake_begins_anew(video: Scene, tmp_path: Path) -> None:
    asked = options(video, tmp_path, [["SUBTRACT", "", 100, 90, list(range(FRAMES))]])
    with pytest.raises(Stopped):
        run(asked, Listener(stop_at=5))
    assert not list(tmp_path.glob(".understudy_masks_*"))
    result = run(asked, Listener())
    assert result["stored"]["blender-subtract"] == result["faces"] == FRAMES
