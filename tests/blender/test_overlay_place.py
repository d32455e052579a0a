"""Where Blender puts a strip's pixels, seen in renders, against where the overlay draws; and which proxies it takes."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import bpy
import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))

SPOT = 5  # pixels, odd: its middle is a pixel


def strips(scene: Any) -> Any:
    editor = scene.sequence_editor_create()
    return editor.strips if hasattr(editor, "strips") else editor.sequences


def picture(path: Path, width: int, height: int, spots: list[tuple[int, int]]) -> Path:
    """White spots on black, their middles counted from the top left."""
    pixels = np.zeros((height, width, 4), np.float32)
    pixels[..., 3] = 1
    for x, y in spots:
        pixels[y - SPOT // 2:y + SPOT // 2 + 1, x - SPOT // 2:x + SPOT // 2 + 1] = 1
    image = bpy.data.images.new("spots", width, height)
    image.pixels.foreach_set(pixels[::-1].ravel())
    image.filepath_raw, image.file_format = str(path), "PNG"
    image.save()
    bpy.data.images.remove(image)
    return path


def rendered(scene: Any, path: Path) -> np.ndarray:
    """The render's brightness, [H, W], from the top."""
    if hasattr(scene.render.image_settings, "media_type"):
        scene.render.image_settings.media_type = "IMAGE"
    scene.render.image_settings.file_format = "PNG"
    scene.render.filepath = str(path)
    scene.render.use_sequencer = True
    scene.view_settings.view_transform = "Standard"
    with bpy.context.temp_override(scene=scene):
        bpy.ops.render.render(write_still=True)
    image = bpy.data.images.load(str(path))
    width, height = image.size
    values = np.empty(width * height * 4, np.float32)
    image.pixels.foreach_get(values)
    bpy.data.images.remove(image)
    return values.reshape(height, width, 4)[::-1, :, 0]


@pytest.mark.parametrize("size", [(160, 90), (161, 91), (101, 75), (40, 31), (320, 181)])
@pytest.mark.parametrize("percentage", [100, 50])
@pytest.mark.parametrize("placed", [{}, {"offset_x": 9.0, "scale_x": 0.8, "scale_y": 1.2, "rotation": 0.3}])
def test_the_overlay_lies_where_blender_renders(extension: Any, scene: Any, tmp_path: Path, size: tuple[int, int],
                                                percentage: int, placed: dict[str, float]) -> None:
    """Pictures whose sizes are odd, larger and smaller than the render; at half the size, too."""
    spot = (size[0] // 2 + 6, size[1] // 2 - 5)
    path = picture(tmp_path / "a.png", *size, [spot])
    strip = strips(scene).new_image(name="a", filepath=str(path), channel=1, frame_start=1)
    for name, value in placed.items():
        setattr(strip.transform, name, value)
    scene.render.resolution_x, scene.render.resolution_y = 160, 90
    scene.render.resolution_percentage = percentage
    scene.frame_set(1)
    light = np.clip(rendered(scene, tmp_path / "out.png") - 0.05, 0, None).astype(np.float64)
    height, width = light.shape
    assert light.sum() > 1
    rows, columns = np.indices(light.shape)
    seen = np.array([(light * columns).sum(), (light * rows).sum()]) / light.sum()
    targets = extension("addon.overlay.targets")
    space = SimpleNamespace(proxy_render_size="SCENE", use_proxies=False)
    matrix = targets.strip_to_view(strip, size, space)
    x, y = matrix @ (*spot, 1)  # from the middle, of 160 x 90
    factor = width / 160
    expected = (x * factor + width / 2 - 0.5, height / 2 - y * factor - 0.5)
    print(size, percentage, placed, seen - expected)
    # At half the size Blender takes every second pixel, so that a spot of five is two or three wide.
    assert np.abs(seen - expected).max() < (0.05 if percentage == 100 else 0.3)


def test_which_file_blender_takes_for_a_proxy(extension: Any, scene: Any, tmp_path: Path) -> None:
    """As `source/blender/sequencer/intern/proxy.cc` and `movie_proxy_indexer.cc` name them."""
    proxies = extension("addon.overlay.proxies")
    scene.render.resolution_x, scene.render.resolution_y = 640, 360
    film = tmp_path / "a film.mp4"
    strip = strips(scene).new_movie(name="film", filepath=str(film), channel=1, frame_start=1)
    image = strips(scene).new_image(name="pictures", filepath=str(tmp_path / "shots" / "p_01.png"), channel=2,
                                    frame_start=1)
    space = SimpleNamespace(proxy_render_size="PROXY_50", use_proxies=True)
    assert not proxies._wants_proxy(space, strip)
    for one in (strip, image):
        one.use_proxy = one.proxy.build_50 = True
        assert proxies._wants_proxy(space, one)
        assert not proxies._wants_proxy(SimpleNamespace(proxy_render_size="SCENE", use_proxies=True), one)
        assert not proxies._wants_proxy(SimpleNamespace(proxy_render_size="PROXY_50", use_proxies=False), one)
    for one in (strip, image):
        one.proxy.build_25 = False
        assert not proxies._wants_proxy(SimpleNamespace(proxy_render_size="PROXY_25", use_proxies=True), one)
    assert Path(proxies._place(space, strip)) == tmp_path / "BL_proxy" / "a film.mp4" / "proxy_50.avi"
    assert Path(proxies._place(space, image)) == tmp_path / "shots" / "BL_proxy" / "images" / "50"
    strip.proxy.use_proxy_custom_directory, strip.proxy.directory = True, str(tmp_path / "elsewhere")
    assert Path(proxies._place(space, strip)) == tmp_path / "elsewhere" / "a film.mp4" / "proxy_50.avi"
    scene.sequence_editor.proxy_storage = "PROJECT"
    scene.sequence_editor.proxy_dir = str(tmp_path / "all")
    assert Path(proxies._place(space, strip)) == tmp_path / "all" / "a film.mp4" / "proxy_50.avi"
    assert Path(proxies._place(space, image)) == tmp_path / "all" / "images" / "50"
    scene.sequence_editor.proxy_storage = "PER_STRIP"
    strip.proxy.use_proxy_custom_file, strip.proxy.filepath = True, str(tmp_path / "mine.mov")
    assert Path(proxies._place(space, strip)) == tmp_path / "mine.mov"


def test_a_proxy_that_was_measured_is_drawn_over(extension: Any, scene: Any, tmp_path: Path) -> None:
    proxies = extension("addon.overlay.proxies")
    scene.render.resolution_x, scene.render.resolution_y = 640, 360
    strip = strips(scene).new_movie(name="film", filepath=str(tmp_path / "a.mp4"), channel=1, frame_start=1)
    strip.use_proxy = strip.proxy.build_25 = True
    space = SimpleNamespace(proxy_render_size="PROXY_25", use_proxies=True)
    proxies.forget()
    assert not proxies.rendering(space, strip, (640, 360)).is_proxy
    known = proxies._looks[proxies._place(space, strip)] = proxies._Look(0.0, there=True, asked=True)
    asked = SimpleNamespace(result={"size": [160, 90], "matrix": [[0.99, 0, 0.002], [0, 1, 0.01]]})
    proxies._measured(known, asked)
    found = proxies.rendering(space, strip, (640, 360))
    assert (found.is_proxy, found.picture, found.size, found.factor) == (True, (160, 90), (160, 90), 0.25)
    # A point 0.3 from the top of the footage is 0.31 from the top of the proxy, 0.69 from its bottom.
    assert found.registration @ (0.5, 0.7, 1) == pytest.approx([0.497, 0.69])
    proxies.forget()
