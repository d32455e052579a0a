"""The two public-domain portraits that ship in wheels, laid out as shots with a margin around the picture."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from ..errors import SourceError
from ..options import find
from ..options.rows import ALIGNERS, DETECTORS

Polygon = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Portrait:
    """A photograph and how it is staged. All lengths are in pixels of the photograph, y down.

    Attributes:
        name: file stem of the clip.
        credit: who is seen, who took it, and why it may be used.
        window: (x, y, width) of the shot; its height follows from the clip's proportions. May reach outside.
        head: outline of everything that turns with the head, with neck; roughly drawn, within `band` of the edge.
        body: outline of shoulders and clothes, which stay where they are and in focus.
        throat: outline of the neck as it goes on beneath a collar, which then lies in front of it; empty: the head lies
            in front of the body.
        neck: (y where the head stops turning rigidly, y where nothing turns any more).
        skull: (left, top, right, bottom) of the head with hair or hat, without neck.
        parting: the line along which the mouth opens, from corner to corner: between closed lips, or between the teeth
            of a smile and the lower lip.
        eyes: for both eyes, the edge of the upper lid and that of the lower, each from left to right.
        teeth: height of upper teeth to paint behind the lips, in outer-eye distances; 0: the portrait shows its own.
        jaw: how far the lower lip goes down at most, in outer-eye distances.
        closing: how far the lower lip may rise over the teeth, in outer-eye distances.
        lid: share of the brow-to-lid skin that a blink may stretch (0: the lid is painted alone, as behind glasses).
        brow: how far the brows may be raised, in outer-eye distances.
        sharpen: strength of the unsharp mask after scaling to the shot.
    """

    name: str
    credit: str
    window: tuple[float, float, float]
    head: Polygon
    body: Polygon
    throat: Polygon
    neck: tuple[float, float]
    skull: tuple[float, float, float, float]
    parting: Polygon
    eyes: tuple[tuple[Polygon, Polygon], tuple[Polygon, Polygon]]
    teeth: float
    jaw: float
    closing: float
    lid: float
    brow: float
    sharpen: float


ASTRONAUT = Portrait(
    name="collins",
    credit="Astronaut Eileen Collins, NASA, 1992, public domain; scikit-image's sample picture",
    window=(34.0, 0.0, 381.0),
    head=((232, 15), (255, 22), (275, 33), (287, 45), (294, 60), (299, 85), (297, 105), (290, 120), (277, 133),
          (267, 138), (262, 136), (261, 150), (256, 165), (255, 180), (262, 195), (262, 212), (255, 226), (197, 226),
          (184, 212), (181, 196), (186, 178), (186, 150), (183, 133), (177, 131), (172, 121), (165, 113), (157, 102),
          (154, 85), (154, 65), (162, 52), (175, 42), (190, 35), (200, 25), (215, 18)),
    body=((184, 149), (170, 147), (150, 151), (135, 161), (124, 175), (117, 188), (116, 206), (108, 208), (90, 225),
          (70, 245), (55, 262), (40, 290), (20, 340), (20, 512), (380, 512), (357, 292), (345, 270), (325, 250),
          (304, 238), (301, 225), (292, 205), (280, 190), (265, 177), (256, 172), (240, 162), (222, 155), (204, 150)),
    throat=(),
    neck=(174.0, 226.0),
    skull=(153.0, 14.0, 300.0, 181.0),
    parting=((204.3, 139.6), (211.4, 146.2), (219.3, 149), (227.1, 149.4), (235.7, 147.1), (244.3, 140.7)),
    eyes=((((195, 102.1), (199.3, 98.1), (204.3, 97.1), (209.3, 98.6), (212.6, 103.1)),
           ((195, 102.1), (201.4, 104.3), (205.7, 104.9), (210, 104.5), (212.6, 103.1))),
          (((236.9, 105), (240.7, 101.4), (245.7, 99.7), (251.4, 100.4), (256.4, 103.1), (258.6, 104.3)),
           ((236.9, 105), (241.4, 106.3), (246.4, 106.8), (251.4, 106.6), (255.7, 105.4), (258.6, 104.3)))),
    teeth=0.0,
    jaw=0.11,
    closing=0.06,
    lid=0.9,
    brow=0.035,
    sharpen=0.6,
)

HOPPER = Portrait(
    name="hopper",
    credit="Commodore Grace Hopper, US Navy (James S. Davis), 1984, public domain; matplotlib's sample picture",
    window=(-30.0, 0.0, 695.0),
    head=((258, 22), (283, 27), (299, 40), (325, 48), (345, 62), (353, 86), (362, 87), (370, 100), (372, 135),
          (370, 160), (368, 184), (376, 192), (374, 212), (368, 235), (360, 262), (360, 280), (350, 300), (338, 306),
          (332, 303), (332, 330), (322, 348), (305, 375), (280, 408), (250, 408), (226, 382), (208, 350), (201, 330),
          (203, 304), (192, 300), (172, 288), (161, 272), (160, 240), (151, 212), (151, 188), (157, 168), (148, 158),
          (150, 115), (165, 92), (178, 82), (186, 60), (205, 45), (218, 41), (232, 27)),
    body=((203, 312), (208, 330), (206, 348), (230, 376), (250, 403), (262, 408), (276, 404), (300, 372), (320, 341),
           (328, 318), (332, 312), (347, 328), (372, 342), (420, 358), (478, 384), (512, 440), (512, 600), (0, 600),
           (0, 500), (38, 400), (58, 380), (100, 362), (150, 347), (185, 328)),
    throat=((203, 322), (198, 340), (210, 372), (240, 420), (285, 420), (318, 372), (334, 342), (330, 324)),
    neck=(326.0, 392.0),
    skull=(150.0, 20.0, 374.0, 336.0),
    parting=((228.6, 280.6), (237, 279.3), (246.4, 278.8), (259.7, 280.1), (275, 279.7), (290, 277.5), (304, 276)),
    eyes=((((205, 194), (211, 188), (220, 185), (230, 187), (235, 193)),
           ((205, 194), (212, 195.6), (222, 196.6), (230, 195), (235, 193))),
          (((290, 189), (298, 183), (307, 180.5), (315, 183), (321, 190)),
           ((290, 189), (298, 191.8), (307, 193.2), (315, 192), (321, 190)))),
    teeth=0.075,
    jaw=0.13,
    closing=0.0,
    lid=0.0,
    brow=0.0,
    sharpen=0.0,
)


@dataclass(frozen=True)
class Stage:
    """A portrait scaled to a shot, with a margin all round.

    Attributes:
        portrait: what it was made of.
        size: (width, height) of the shot, px.
        margin: border around the shot, px; canvas coordinates = shot coordinates + margin.
        scale: canvas pixels per photograph pixel.
        pixels: float32 [H, W, 3] RGB 0..255, the canvas; what lies outside the photograph is mirrored.
        inside: bool [H, W], what the photograph covers.
        landmarks: float64 [68, 2], canvas pixels, pixel centres at integers.
    """

    portrait: Portrait
    size: tuple[int, int]
    margin: int
    scale: float
    pixels: np.ndarray
    inside: np.ndarray
    landmarks: np.ndarray

    @property
    def unit(self) -> float:
        """Distance of the outer eye corners, px: the measure of everything on this head."""
        return float(np.linalg.norm(self.landmarks[45] - self.landmarks[36]))

    def to_canvas(self, points: object) -> np.ndarray:
        """float64 [N, 2], photograph pixels -> canvas pixels."""
        x, y, _ = self.portrait.window
        return (np.asarray(points, np.float64).reshape(-1, 2) - (x, y)) * self.scale + self.margin

    def mirrored(self, layer: np.ndarray) -> np.ndarray:
        """A canvas layer [H, W] whose part outside the photograph repeats the part inside, mirrored like `pixels`."""
        rows, columns = np.flatnonzero(self.inside.any(1)), np.flatnonzero(self.inside.any(0))
        top, left = rows[0], columns[0]
        core = layer[top:rows[-1] + 1, left:columns[-1] + 1]
        below, right = layer.shape[0] - rows[-1] - 1, layer.shape[1] - columns[-1] - 1
        return cv2.copyMakeBorder(core, top, below, left, right, cv2.BORDER_REFLECT_101)


def load(portrait: Portrait) -> np.ndarray:
    """uint8 [H, W, 3] RGB, the photograph from its wheel.

    Raises:
        SourceError: if the wheel that holds it is not installed or not whole.
    """
    try:
        if portrait is ASTRONAUT:
            from skimage import data

            return np.ascontiguousarray(data.astronaut()[..., :3])
        import matplotlib

        path = Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg"
        picture = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_COLOR)
        if picture is None:
            raise OSError(f"{path} is damaged")
        return cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)
    except (ImportError, OSError) as error:
        raise SourceError(f"The portrait for the sample clip {portrait.name}.mp4 is missing ({error})",
                          "Install the pinned requirements, or give footage of your own for A and B") from error


def stage(portrait: Portrait, size: tuple[int, int]) -> Stage:
    """Scale a portrait to a shot of `size` (width, height) and find its landmarks."""
    picture = load(portrait)
    width, height = size
    x, y, span = portrait.window
    scale = width / span
    margin = max(8, round(0.075 * width))
    matrix = np.array([[scale, 0, margin - x * scale], [0, scale, margin - y * scale]])
    canvas = (width + 2 * margin, height + 2 * margin)
    source = picture
    if scale < 0.5:  # bilinear sampling needs a picture of at most twice the size
        source = cv2.GaussianBlur(picture, (0, 0), 0.4 / scale)
    pixels = cv2.warpAffine(source, matrix, canvas, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101)
    inside = cv2.warpAffine(np.full(picture.shape[:2], 255, np.uint8), matrix, canvas, flags=cv2.INTER_NEAREST) > 0
    pixels = pixels.astype(np.float32)
    if portrait.sharpen:
        pixels = pixels + portrait.sharpen * (pixels - cv2.GaussianBlur(pixels, (0, 0), 1.2 * scale))
    landmarks = find_landmarks(picture, portrait) * scale + matrix[:, 2]
    return Stage(portrait, size, margin, scale, np.clip(pixels, 0, 255), inside, landmarks)


def find_landmarks(picture: np.ndarray, portrait: Portrait) -> np.ndarray:
    """float64 [68, 2] in the photograph, by the embedded detector and aligner, for the face within the head's outline.

    Raises:
        SourceError: if no face is found there.
        WeightsError: if the aligner's weights are missing.
    """
    enlarged = cv2.resize(picture, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)  # the detector wants 80 px
    outline = np.array(portrait.head, np.float32) * 2
    (detections,) = find(DETECTORS, "dlib").load()(size=max(enlarged.shape)).detect([enlarged])
    for found in detections:
        x, y, w, h = found.box
        if cv2.pointPolygonTest(outline, (x + w / 2, y + h / 2), False) > 0:
            (marks,) = find(ALIGNERS, "dlib").load()().align([enlarged], [found.box])
            return (marks.astype(np.float64) + 0.5) / 2 - 0.5
    raise SourceError(f"The portrait for the sample clip {portrait.name}.mp4 shows no face",
                      "Install the pinned requirements again; its picture has changed")
