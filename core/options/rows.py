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
        favours_b: for trainers, B's decoder is made for more detail than A's, so that a swap the other way round, which
            shows A's face, is the worse one.
    """

    name: str
    label: str
    help: str
    entry: str
    weights: tuple[str, ...] = ()
    same_person: float = 0.0
    favours_b: bool = False

    def load(self) -> Any:
        """Import and return the class or function that does the work."""
        module, _, attribute = self.entry.partition(":")
        return getattr(import_module(f"...{module}", __name__), attribute)


# Measured on one processor core, for frames reduced to 640 px (the default Detection Size); sizes are from brow to chin
# in the reduced frame, and grow or shrink with Detection Size where that is not said to be without effect.
DETECTORS = (
    Row("dlib", "dlib HOG", "Ships with Understudy and needs no download; finds frontal and half-turned faces from "
        "60 px in 18 ms, hardly ever anything else; misses profiles and heads tilted by more than 45 degrees",
        "extraction.detectors.dlib_hog:DlibHog"),
    Row("yunet", "YuNet", "The best choice without a graphics card: finds turned and tilted faces from 15 px in 7 ms. "
        "A file of 0.2 MB whose licence allows commercial use", "extraction.detectors.yunet:YuNet", ("yunet",)),
    Row("retinaface-mobilenet", "RetinaFace MobileNet", "Finds faces in any turn and tilt, half-hidden ones too, from "
        "20 px in 29 ms; now and then takes something else for a face",
        "extraction.detectors.retinaface:RetinaFaceMobileNet", ("retinaface-mobilenet",)),
    Row("retinaface-resnet", "RetinaFace ResNet", "The most thorough, for crowds, tiny and half-hidden faces; wants a "
        "graphics card, since a processor needs 0.6 s", "extraction.detectors.retinaface:RetinaFaceResNet",
        ("retinaface-resnet",)),
    Row("s3fd", "S3FD", "Thorough and steady, also for tiny faces; wants a graphics card, since a processor needs "
        "1.6 s. Nobody states a licence for the weights", "extraction.detectors.s3fd:S3fd", ("s3fd",)),
    Row("scrfd", "SCRFD", "Finds small and turned faces, made for processors too; InsightFace gives its weights for "
        "research only, not for commercial use", "extraction.detectors.scrfd:Scrfd", ("scrfd",)),
    Row("blazeface-front", "BlazeFace Front", "The quickest, 6 ms; made for selfies: finds faces in any turn and tilt "
        "from a tenth of the frame's longer side; Detection Size is without effect",
        "extraction.detectors.blazeface:BlazeFaceFront", ("blazeface-front", "blazeface-front-anchors")),
    Row("blazeface-back", "BlazeFace Back", "Finds faces in any turn and tilt from a fortieth of the frame's longer "
        "side in 16 ms; now and then takes something else for a face; Detection Size is without effect",
        "extraction.detectors.blazeface:BlazeFaceBack", ("blazeface-back", "blazeface-back-anchors")),
    Row("dlib-mmod", "dlib MMOD", "Ships with Understudy and needs no download; finds more turned and tilted faces "
        "than dlib HOG, from 60 px in 0.1 s", "extraction.detectors.dlib_mmod:DlibMmod", ("dlib-mmod",)),
    Row("mtcnn", "MTCNN", "Three small networks in a row, each of which looks at what the one before let through; an "
        "older design that takes longer the more faces there are", "extraction.detectors.mtcnn:Mtcnn",
        ("mtcnn-pnet", "mtcnn-rnet", "mtcnn-onet")),
    Row("cv2-dnn", "OpenCV DNN", "OpenCV's own, quick without a graphics card; sees the whole frame at 300 px, so that "
        "it misses small faces; Detection Size is without effect", "extraction.detectors.opencv_ssd:OpenCvSsd",
        ("opencv-ssd", "opencv-ssd-layout")),
)

ALIGNERS = (
    Row("dlib", "dlib 68", "Ships with Understudy and needs no download; 12 ms a face on a processor core, good up to "
        "half-turned faces, weak on profiles and, without re-align, on tilted heads. Its training data exclude "
        "commercial use", "extraction.aligners.dlib_68:Dlib68"),
    Row("fan", "FAN", "By its authors' figures the most accurate here, also in profile and on covered faces; wants a "
        "graphics card, since a processor core needs 0.6 s a face. Its training data exclude commercial use",
        "extraction.aligners.fan:Fan", weights=("fan-2d4",)),
    Row("cv2-dnn", "OpenCV DNN", "A small network that is quick without a graphics card; less accurate than the "
        "others, and wants a face that looks into the camera", "extraction.aligners.cv2_dnn:Cv2Dnn",
        weights=("cv2-landmarks",)),
)

# Costs are processor time on one core of a 2-core machine, by benchmarks/maskers.py.
MASKERS = (
    Row("components", "Components", "Convex hulls of the facial parts from the landmarks; tight, ends at the brows; "
        "1 ms a face", "extraction.maskers.landmark:Components"),
    Row("extended", "Extended", "As components, with the brows raised over a part of the forehead; the usual choice; "
        "1 ms a face", "extraction.maskers.landmark:Extended"),
    Row("vgg-clear", "VGG Clear", "Follows the outline of mostly frontal faces that nothing covers, without the "
        "forehead's upper part; fails on profiles and behind hands; 2.6 s a face on a processor",
        "extraction.maskers.vgg:VggClear", weights=("vgg-clear",)),
    Row("vgg-obstructed", "VGG Obstructed", "Leaves out hands, hair and glasses in front of mostly frontal faces; "
        "fails on profiles; the slowest, 4.6 s a face on a processor", "extraction.maskers.vgg:VggObstructed",
        weights=("vgg-obstructed",)),
    Row("unet-dfl", "U-Net DFL", "Follows the outline of mostly frontal faces softly; covers in front of the face are "
        "seldom left out; 0.6 s a face on a processor", "extraction.maskers.unet_dfl:UnetDfl", weights=("unet-dfl",)),
    Row("bisenet-fp", "BiSeNet", "Sorts the picture into skin, hair, ears and glasses, of which the wanted are taken, "
        "up to the hairline and in profile too; hard edges, and hands may count as skin; 0.3 s a face on a "
        "processor; its options choose other weights, bisenet-hair or bisenet-original",
        "extraction.maskers.bisenet_fp:BisenetFp", weights=("bisenet-face",)),
    Row("custom", "Custom", "All face or all background, to be painted by hand; costs nothing",
        "extraction.maskers.custom:Custom"),
)

IDENTITIES = (
    Row("dlib", "dlib ResNet", "Ships with Understudy and needs no download; 128 numbers and 8 ms a face. Tells "
        "people apart up to half-turned faces, though with little room between the same and another person",
        "extraction.identity.dlib_resnet:DlibResNet", same_person=0.935),
    Row("vggface2", "VGGFace2", "A large network trained for faces in any pose and of any age; 512 numbers, and 0.1 s "
        "a face on a processor core, so best with a graphics card. Not for commercial use",
        "extraction.identity.vggface2:VggFace2", weights=("vggface2",), same_person=0.6),
    Row("mobilefacenet", "MobileFaceNet", "Small and quick, 8 ms a face, with weights of this architecture that you "
        "have and import; as good as those are", "extraction.identity.mobilefacenet:MobileFaceNet",
        weights=("mobilefacenet",), same_person=0.5),
)

SORT_METHODS = (
    Row("face", "Face", "Each person's faces together, by what the identity model sees: the first thing to do with a "
        "new faces folder, since what does not belong comes together too", "sorting.methods.face:Face"),
    Row("face-cnn", "Landmarks", "Each face beside the one whose landmarks are most like its own: looks and directions "
        "change gently from face to face. Slow for tens of thousands", "sorting.methods.likeness:Landmarks"),
    Row("face-cnn-dissim", "Landmarks, Odd Ones First", "Faces whose landmarks are least like all others first: "
        "misplaced landmarks and rare expressions", "sorting.methods.likeness:LandmarksDissim"),
    Row("hist", "Histogram", "Each face beside the one whose blue channel is most like its own: shots and lights come "
        "together. Slow for tens of thousands", "sorting.methods.likeness:Histogram"),
    Row("hist-dissim", "Histogram, Odd Ones First", "Faces whose colours are least like all others first: what the "
        "detector took for faces", "sorting.methods.likeness:HistogramDissim"),
    Row("blur", "Sharpness", "Sharp faces first, by their edges; grain and compression count as sharp, too",
        "sorting.methods.blur:Blur"),
    Row("blur-fft", "Sharpness by Spectrum", "Sharp faces first, by the fine part of their spectrum; less taken in by "
        "single strong edges", "sorting.methods.blur:BlurFft"),
    Row("distance", "Distance from Average", "Faces with the most regular landmarks first; misplaced ones come last, "
        "beside faces in strong profile", "sorting.methods.geometry:Distance"),
    Row("yaw", "Yaw", "From those who look to the right of the picture to those who look left",
        "sorting.methods.geometry:Yaw"),
    Row("pitch", "Pitch", "From those who look up to those who look down", "sorting.methods.geometry:Pitch"),
    Row("roll", "Roll", "From heads tilted clockwise to those tilted the other way", "sorting.methods.geometry:Roll"),
    Row("size", "Size", "Faces that are largest in their frames first: these have the most detail",
        "sorting.methods.geometry:Size"),
    Row("color-gray", "Lightness", "Light faces first, as the eye sees them", "sorting.methods.colour:Gray"),
    Row("color-luma", "Luma", "Light faces first, by the mean of the channels", "sorting.methods.colour:Luma"),
    Row("color-orange", "Orange", "Warm faces first, bluish ones last", "sorting.methods.colour:Orange"),
    Row("color-green", "Green", "Greenish faces first, pink ones last", "sorting.methods.colour:Green"),
    Row("color-black", "Black", "Pictures without black pixels first; those that the frame's edge cuts off come last",
        "sorting.methods.colour:Black"),
)

# "Work" is arithmetic for one face, counted, in multiples of `original` (3.8 GFLOP forward): time grows with it, on a
# processor and on a graphics card alike (benchmarks/trainers.py). Memory is what `understudy models fit` counts for a
# training on a graphics card with batches of 16 in float32.
TRAINERS = (
    Row("sketch", "Sketch", "Understudy's own 64 px model for processors and quick looks: a recognisable swap in "
        "minutes without a graphics card; a twentieth of Original's work, 0.7 GB", "models.sketch:Sketch"),
    Row("lightweight", "Lightweight", "64 px for graphics cards of 2 GB or less: to see soon whether a swap may come "
        "out well, not for finished pictures; 1.7 times Original's work, 1.6 GB", "models.lightweight:Lightweight"),
    Row("original", "Original", "64 px: the model that started it all, and the one to learn with, since good faces "
        "count for more than a large model; 2 GB", "models.original:Original"),
    Row("iae", "IAE", "64 px: three bottlenecks between one encoder and one decoder, to tell identity and expression "
        "apart better; as much work as Original, 2.6 GB", "models.iae:Iae"),
    Row("dfaker", "Dfaker", "64 px in, 128 px out (or 128 and 256): larger pictures with hardly anything to set up; "
        "4.6 times Original's work, 3.2 GB", "models.dfaker:Dfaker"),
    Row("unbalanced", "Unbalanced", "64 to 512 px, with many options for those who know what they do; the decoder of B "
        "is the larger one, so swap A for B and not the other way; 19 times Original's work at 128 px, 5.2 GB",
        "models.unbalanced:Unbalanced", favours_b=True),
    Row("dfl-h128", "DFL-H128", "128 px: Original at twice the size through a bottleneck of half the width, which "
        "costs some of what the size gains; 8 times Original's work, 3.3 GB", "models.dfl_h128:DflH128"),
    Row("dfl-sae", "DFL-SAE", "64 to 256 px with fine detail, as two architectures: df keeps B's identity, liae blends "
        "in better, and some of A may show; 23 times Original's work at 128 px, 7.3 GB", "models.dfl_sae:DflSae"),
    Row("villain", "Villain", "128 px: much detail, nothing to tune, and much time; colours may be off if there "
        "are few different faces; 25 times Original's work, 10 GB", "models.villain:Villain"),
    Row("realface", "RealFace", "64 to 128 px in, 64 to 256 px out: the successor of Unbalanced with less work; the "
        "decoder of B is the larger one, so swap A for B and not the other way; 6 times Original's work, 4.8 GB",
        "models.realface:Realface", favours_b=True),
    Row("dlight", "DLight", "128 px in, 128 to 384 px out: the largest pictures for their work; the decoder of B is "
        "the larger one, so swap A for B and not the other way; 10 times Original's work at 256 px, 5.5 GB",
        "models.dlight:Dlight", favours_b=True),
)

LOSS_FUNCTIONS = (
    Row("ssim", "SSIM", "Likeness of structure under a window of 11 pixels: close to what an eye minds; colours may "
        "drift unless a pixelwise loss stands beside it", "training.losses.similarity:dissimilarity"),
    Row("ms-ssim", "MS-SSIM", "SSIM at five scales at once: shapes count as well as detail",
        "training.losses.similarity:multiscale_dissimilarity"),
    Row("ssim5", "Fine SSIM", "SSIM under a window of 5 pixels, for the detail of pictures of 64 px",
        "training.losses.similarity:fine_dissimilarity"),
    Row("mae", "MAE", "Mean absolute error: calm, keeps colours, a little soft",
        "training.losses.pointwise:absolute_error"),
    Row("mse", "MSE", "Mean squared error: goes after large errors and leaves small ones, so it blurs detail",
        "training.losses.pointwise:squared_error"),
    Row("logcosh", "LogCosh", "Like MSE for small errors and like MAE for large ones",
        "training.losses.pointwise:log_cosh"),
    Row("smooth-loss", "Smooth Loss", "MAE with its tip rounded off, which settles more calmly",
        "training.losses.pointwise:smooth"),
    Row("l-inf-norm", "L-inf Norm", "The single worst pixel of each channel; only beside another loss, with a small "
        "weight", "training.losses.pointwise:largest_error"),
    Row("pixel-gradient-diff", "Pixel Gradient Difference", "Differences of neighbouring pixels: edges and texture; "
        "colours only together with another loss", "training.losses.detail:gradient_difference"),
    Row("gmsd", "GMSD", "The strength of edges: sharp outlines; colours only together with another loss",
        "training.losses.detail:gradient_dissimilarity"),
    Row("ffl", "Focal Frequency Loss", "The spectrum, and most those frequencies that are farthest off: brings back "
        "fine texture beside another loss", "training.losses.detail:focal_frequency"),
    Row("laploss", "Laplacian Pyramid", "Detail band by band, fine bands first: sharp without ringing",
        "training.losses.detail:laplacian"),
    Row("flip", "FLIP", "The difference that a person sees who flips between two pictures on a screen; the slowest",
        "training.losses.perception:flip"),
)

OPTIMIZERS = (
    Row("adam", "Adam", "The usual choice; weight decay, where wanted, is added to the gradient",
        "training.optimizers:adam"),
    Row("adamw", "AdamW", "Adam with weight decay apart from the gradient, which keeps its meaning at any learning "
        "rate", "training.optimizers:adamw"),
    Row("adabelief", "AdaBelief", "Steps by how far a gradient is from what was expected: often goes on where Adam "
        "settles; its epsilon is 1e-16 unless chosen", "training.optimizers:adabelief"),
    Row("adamax", "Adamax", "Adam by the largest recent gradient instead of the mean square: calm with rare, large "
        "gradients", "training.optimizers:adamax"),
    Row("nadam", "NAdam", "Adam that looks a step ahead (Nesterov): a little quicker at first",
        "training.optimizers:nadam"),
    Row("lion", "Lion", "Steps of one size in the direction of the gradient; half of Adam's memory, and wants a third "
        "to a tenth of its learning rate", "training.optimizers:lion"),
    Row("rms-prop", "RMSProp", "Adam without momentum; the two betas are without effect",
        "training.optimizers:rms_prop"),
)

COLOURS = (
    Row("avg-color", "Average Colour", "Moves the mean colour of the swapped face to that of the original; contrast "
        "and shading stay the model's", "conversion.colour.avg_color:AvgColor"),
    Row("color-transfer", "Colour Transfer", "Brings mean and spread of lightness and of both colour axes to the "
        "original's (Reinhard): also contrast; strong where both faces are lit differently",
        "conversion.colour.color_transfer:ColorTransfer"),
    Row("match-hist", "Match Histogram", "Gives each channel the original's distribution: closest in colour; on small "
        "masks or half-hidden faces it may posterise", "conversion.colour.match_hist:MatchHist"),
    Row("manual-balance", "Manual Balance", "Nothing is measured: three sliders in a colour space of your choice, "
        "contrast and brightness, the same for every frame", "conversion.colour.manual_balance:ManualBalance"),
    Row("seamless-clone", "Seamless Clone", "Keeps the detail of the swapped face and takes on the original's colours "
        "from the mask's edge inwards (Poisson): no seam, but what crosses the edge, such as hair, bleeds in",
        "conversion.colour.seamless_clone:SeamlessClone"),
    Row("none", "None", "Leaves the colours as the model made them", "conversion.colour.none:NoColour"),
)

WRITERS = (
    Row("images", "Image Sequence", "One picture per frame: PNG, TIFF and EXR lossless up to 32 bits, JPEG and WebP "
        "small", "conversion.writers.images:ImagesWriter"),
    Row("video", "Video", "One video with the source's times, colours and sound: H.264, H.265, ProRes, FFV1 or VP9",
        "conversion.writers.video:VideoWriter"),
    Row("overlay", "Overlay", "Pictures with alpha that hold the swapped face alone, to lay over the original",
        "conversion.writers.overlay:OverlayWriter"),
    Row("gif", "GIF", "One animated GIF, for showing rather than for work: 256 colours a frame",
        "conversion.writers.gif:GifWriter"),
    Row("patch", "Patches", "Each swapped face as the model made it, with the matrix that puts it back, for Nuke, "
        "Fusion and Natron", "conversion.writers.patch:PatchWriter"),
    Row("layers", "Layers", "One EXR per frame with the layers result, patch, mask and original, scene-linear",
        "conversion.writers.layers:LayersWriter"),
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
