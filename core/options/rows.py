"""What can be chosen: detectors, aligners, maskers, identity models, trainers, colour methods, writers.

Each is one row here and one file elsewhere; adding one changes nothing else. Rows are data (stdlib only, so that
Blender's panels can list them); `Row.load` imports the file, which only worker processes do.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any


@dataclass(frozen=True)
class Row:
    """One thing to choose.

    Attributes:
        name: what the command line, TOML and store call it; never changes once released.
        label: what panels call it.
        help: a sentence on its strengths and limits.
        entry: "module:attribute" below `understudy.core`, imported on first use.
        weights: the `core.weights` rows that have to be on disk before it works; none for what Understudy brings.
        same_person: for identity models, the cosine similarity from which two vectors count as one person's: where
            both kinds of error were about equal on the people of the test clips, or the field's usual 0.6.
    """

    name: str
    label: str
    help: str
    entry: str
    weights: tuple[str, ...] = ()
    same_person: float = 0.0

    def load(self) -> Any:
        """Import and return the class or function that does the work."""
        module, _, attribute = self.entry.partition(":")
        return getattr(import_module(f"...{module}", __name__), attribute)


DETECTORS = (
    Row("dlib", "dlib HOG", "Ships with Understudy and needs no download; finds frontal and half-turned faces of at "
        "least 80 px quickly on a CPU, misses profiles and faces turned upside down",
        "extraction.detectors.dlib_hog:DlibHog"),
)

ALIGNERS = (
    Row("dlib", "dlib 68", "Ships with Understudy and needs no download; fast and steady on frontal faces, weak on "
        "profiles. Its training data exclude commercial use", "extraction.aligners.dlib_68:Dlib68"),
    Row("fan", "FAN", "The most accurate, also in profile and on covered faces; wants a graphics card, since a "
        "processor needs a second or more for each face. Its training data exclude commercial use",
        "extraction.aligners.fan:Fan", weights=("fan-2d4",)),
    Row("cv2-dnn", "OpenCV DNN", "A small network that is quick without a graphics card; less accurate than the "
        "others, and wants a face that looks into the camera", "extraction.aligners.cv2_dnn:Cv2Dnn",
        weights=("cv2-landmarks",)),
)

MASKERS = (
    Row("components", "Components", "Convex hulls of the facial parts from the landmarks; tight, ends at the brows",
        "extraction.maskers.landmark:Components"),
    Row("extended", "Extended", "As components, with the brows raised over a part of the forehead; the usual choice",
        "extraction.maskers.landmark:Extended"),
    Row("vgg-clear", "VGG Clear", "Follows the outline of mostly frontal faces that nothing covers, without the "
        "forehead's upper part; fails on profiles and behind hands", "extraction.maskers.vgg:VggClear",
        weights=("vgg-clear",)),
    Row("vgg-obstructed", "VGG Obstructed", "Leaves out hands, hair and glasses in front of mostly frontal faces; "
        "fails on profiles, and the slowest", "extraction.maskers.vgg:VggObstructed", weights=("vgg-obstructed",)),
    Row("unet-dfl", "U-Net DFL", "Follows the outline of mostly frontal faces softly; covers in front of the face are "
        "seldom left out", "extraction.maskers.unet_dfl:UnetDfl", weights=("unet-dfl",)),
    Row("bisenet-fp", "BiSeNet", "Sorts the picture into skin, hair, ears and glasses, of which the wanted are taken, "
        "up to the hairline and in profile too; hard edges, and hands may count as skin",
        "extraction.maskers.bisenet_fp:BisenetFp", weights=("bisenet-face",)),
    Row("custom", "Custom", "All face or all background, to be painted by hand", "extraction.maskers.custom:Custom"),
)

IDENTITIES = (
    Row("dlib", "dlib ResNet", "Ships with Understudy and needs no download; a 128-number vector per face, the same "
        "person within a distance of 0.6", "extraction.identity.dlib_resnet:DlibResNet", same_person=0.935),
    Row("vggface2", "VGGFace2", "A large network, sure of faces in any pose and of any age; for a graphics card, since "
        "it is several times the work of dlib's. Not for commercial use", "extraction.identity.vggface2:VggFace2",
        weights=("vggface2",), same_person=0.6),
    Row("mobilefacenet", "MobileFaceNet", "Small and quick, with weights of this architecture that you have and "
        "import; as good as those are", "extraction.identity.mobilefacenet:MobileFaceNet", weights=("mobilefacenet",),
        same_person=0.5),
)

TRAINERS = (
    Row("sketch", "Sketch", "Understudy's own 64 px model for processors and quick looks: a recognisable swap in "
        "minutes without a graphics card", "models.sketch:Sketch"),
    Row("lightweight", "Lightweight", "64 px, 51 million parameters: for graphics cards of 2 GB or less; the other "
        "trainers give better pictures", "models.lightweight:Lightweight"),
    Row("original", "Original", "64 px, 82 million parameters: the model that started it all; a sound choice to "
        "learn with", "models.original:Original"),
)

COLOURS = (
    Row("avg-color", "Average Colour", "Moves the mean colour of the swapped face to that of the original",
        "conversion.colour.avg_color:AvgColor"),
    Row("none", "None", "Leaves the colours as the model made them", "conversion.colour.none:NoColour"),
)

WRITERS = (
    Row("images", "Image Sequence", "One PNG per frame, lossless", "conversion.writers.images:ImagesWriter"),
    Row("video", "Video", "One H.264 mp4 with the source's rate, colours and sound",
        "conversion.writers.video:VideoWriter"),
    Row("overlay", "Overlay", "RGBA PNGs that hold the swapped face alone, to lay over the original",
        "conversion.writers.overlay:OverlayWriter"),
)


def find(rows: tuple[Row, ...], name: str) -> Row:
    """The row called `name`.

    Raises:
        KeyError: if there is none (options are checked before, so this is a programming error).
    """
    for row in rows:
        if row.name == name:
            return row
    raise KeyError(name)
