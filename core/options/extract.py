"""Options of `understudy extract`. Figures: extraction defaults of the field's tools, measured ones where said."""

from __future__ import annotations

from dataclasses import dataclass

from .common_fields import cluster_option, device_option, persons_option
from .field import option
from .maskers import MaskerOptions
from .purpose import PURPOSES
from .rows import ALIGNERS, DETECTORS, IDENTITIES, MASKERS


@dataclass(frozen=True)
class ExtractSettings(MaskerOptions):
    """Which frames are read, how faces are found in them, and what is kept of them."""

    purpose: str = option("both", label="Purpose", help="What the faces are for: convert reads every frame, both too, "
                          "and training reads two frames a second, since faces closer together teach nothing new",
                          choices=PURPOSES, group="Frames")
    frames: str = option("", label="Frames", help="Frames to read, counted from 0, such as 0-99,150; empty: all",
                         group="Frames")
    every: int = option(0, label="Every", help="Read every n-th frame only; 0: as the purpose wants it", min=0,
                        max=1000, unit="frames", group="Frames")
    skip_existing: bool = option(False, label="Skip Existing", help="Leave out frames that were looked at before, also "
                                 "with other settings; with the same settings they always are", group="Frames",
                                 advanced=True)
    skip_existing_faces: bool = option(False, label="Skip Existing Faces", help="Leave out frames that have faces "
                                       "already, whatever found them", group="Frames", advanced=True)

    detector: str = option("dlib", label="Detector", help="What finds faces in a frame", choices=DETECTORS,
                           group="Detection")
    detection_size: int = option(640, label="Detection Size", help="Longer side to which a frame is scaled down for "
                                 "detection; larger finds smaller faces and takes longer", min=160, max=4096,
                                 unit="px", group="Detection", advanced=True)
    confidence: float = option(0.0, label="Confidence", help="Least score of a detection, on the detector's own "
                               "scale; 0: the detector's own choice", min=0.0, max=1.0, group="Detection",
                               advanced=True)
    min_size: float = option(0.0, label="Minimum Size", help="Smallest face to keep: longer side of its box against "
                             "the frame's shorter side", min=0.0, max=100.0, unit="%", group="Detection",
                             advanced=True)
    max_size: float = option(0.0, label="Maximum Size", help="Largest face to keep, measured as the smallest; 0: any",
                             min=0.0, max=500.0, unit="%", group="Detection", advanced=True)
    rotate_images: str = option("", label="Rotate Images", help="Look again, turned, where nobody is found: one "
                                "number for steps in degrees, such as 90, or angles such as 90,270; empty: never",
                                group="Detection", advanced=True)

    aligner: str = option("dlib", label="Aligner", help="What places the 68 landmarks", choices=ALIGNERS,
                          group="Alignment")
    normalization: str = option("none", label="Normalisation", help="Even out the light in what the aligner sees, and "
                                "in nothing else: none, mean (stretched), hist (equalised) or clahe (equalised in "
                                "tiles); clahe served best on the test clips",
                                choices=("none", "mean", "hist", "clahe"), group="Alignment", advanced=True)
    decoding: str = option("dark", label="Decoding", help="How fan reads its heatmaps: dark fits a curve to the peak, "
                           "neighbour leans towards the larger neighbour and is a little faster",
                           choices=("dark", "neighbour"), group="Alignment", advanced=True)
    re_feed: int = option(0, label="Re-Feed", help="How many more times the aligner looks, at boxes a little beside; "
                          "the mean trembles less, and each look costs as much as the first", min=0, max=10,
                          group="Alignment", advanced=True)
    re_align: bool = option(False, label="Re-Align", help="Let the aligner look once more at the face turned upright; "
                            "helps with tilted faces", group="Alignment", advanced=True)

    align_filters: bool = option(False, label="Alignment Filters", help="Leave out faces whose landmarks cannot be "
                                 "right, by the limits below", group="Filters", advanced=True)
    align_features: bool = option(True, label="Filter by Features", help="Alignment filters: leave out faces whose "
                                  "eyes or brows do not lie above the mouth once the face is upright",
                                  group="Filters", advanced=True)
    align_min_scale: float = option(3.0, label="Least Scale", help="Alignment filters: least side of a face against "
                                    "the frame's shorter side, by its landmarks; 0: any", min=0.0, max=100.0,
                                    unit="%", group="Filters", advanced=True)
    align_max_scale: float = option(400.0, label="Greatest Scale", help="Alignment filters: greatest side of a face "
                                    "against the frame's shorter side, by its landmarks; 0: any", min=0.0, max=1000.0,
                                    unit="%", group="Filters", advanced=True)
    align_distance: float = option(0.4, label="Greatest Distance", help="Alignment filters: greatest mean distance "
                                   "of the landmarks from an average face's, in widths of the face; 0: any", min=0.0,
                                   max=1.0, group="Filters", advanced=True)
    align_roll: float = option(0.0, label="Greatest Roll", help="Alignment filters: greatest tilt of the head to "
                               "either side; 0: any", min=0.0, max=180.0, unit="°", group="Filters", advanced=True)
    filter: tuple[str, ...] = option((), label="Filter", help="Pictures of persons to keep, one face in each, or "
                                     "folders of such pictures: a face that is like none of them is left out",
                                     kind="path", group="Filters", advanced=True)
    nfilter: tuple[str, ...] = option((), label="Negative Filter", help="Pictures of persons to leave out, one face "
                                      "in each, or folders of such pictures", kind="path", group="Filters",
                                      advanced=True)
    ref_threshold: float = option(0.0, label="Reference Threshold", help="Cosine similarity from which a face counts "
                                  "as that of a filter's picture; higher is stricter; 0: what suits the identity "
                                  "model", min=0.0, max=1.0, group="Filters", advanced=True)

    masker: tuple[str, ...] = option((), label="Masks", help="Masks to store with the faces, any number; components "
                                     "and extended are drawn from the landmarks whenever they are needed, whether "
                                     "named or not", choices=MASKERS, group="Masks", advanced=True)
    identity: str = option("dlib", label="Identity", help="What tells people apart; its vectors are stored with the "
                           "faces", choices=IDENTITIES, group="Identity", advanced=True)
    persons: tuple[str, ...] = persons_option("Output")
    face_size: int = option(512, label="Face Size", help="Side of the pictures in the faces folder", min=256, max=1024,
                            step=64, unit="px", group="Output", advanced=True)
    min_scale: int = option(0, label="Minimum Scale", help="Write no picture of a face that is smaller in the frame "
                            "than this part of the face size; its alignments are kept", min=0, max=100, unit="%",
                            group="Output", advanced=True)
    save_interval: int = option(0, label="Save Interval", help="Frames between two saves of the alignments; 0: after "
                                "16 frames or two seconds", min=0, max=1000, unit="frames", group="Output",
                                advanced=True)
    debug_landmarks: bool = option(False, label="Debug Landmarks", help="Write a second picture of each face, with "
                                   "its landmarks, pose, boxes and distance drawn in, into a folder beside the faces "
                                   "folder, whose own pictures stay clean", group="Output", advanced=True)
    device: str = device_option()
    cluster: str = cluster_option()


@dataclass(frozen=True)
class ExtractOptions(ExtractSettings):
    """Find the faces of a clip: boxes, landmarks, masks and identity into its alignments, pictures into a folder."""

    source: str = option("", label="Source", help="Video file or folder of images to read, or a folder of clips, each "
                         "of which is read", kind="path", positional=True, required=True, per_shot=False)
    more_sources: tuple[str, ...] = option((), label="More Sources", help="Further clips or folders to read in the "
                                           "same run; each has alignments of its own, and a folder of its own inside "
                                           "the faces folder", kind="path", positional=True, per_shot=False)
    alignments: str = option("", label="Alignments", help="Where the alignments are kept, for several sources the "
                             "folder of theirs; empty: beside each source", kind="file", group="Output",
                             per_shot=False)
    faces: str = option("", label="Faces Folder", help="Where face pictures for training are written; empty: none "
                        "are written", kind="folder", group="Output", per_shot=False)


@dataclass(frozen=True)
class ExtractClipsOptions(ExtractSettings):
    """Find the faces of all clips in a folder; one that fails is named, and the others are done."""

    clips: str = option("", label="Clips", help="Folder whose video files and folders of images are read",
                        kind="folder", required=True, group="Clips")
    clips_alignments: str = option("", label="Alignments Folder", help="Where the clips' alignments are kept; empty: "
                                   "beside each clip", kind="folder", group="Clips")
    clips_faces: str = option("", label="Faces Folder", help="Where face pictures are written, in a folder for each "
                              "clip; empty: none are written", kind="folder", group="Clips")
