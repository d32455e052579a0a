"""Options of `understudy alignments JOB`. What several jobs share is declared once, in the classes at the top."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .common_fields import persons_option
from .field import option

ACTIONS = ("console", "file", "move")
_SMOOTHING = "Smoothing"


def _source(help: str, required: bool) -> Any:
    return option("", label="Source", help=help, kind="path", positional=True, required=required, per_shot=False)


def _faces(help: str, required: bool = False) -> Any:
    return option("", label="Faces Folder", help=help, kind="folder", group="Input", required=required,
                  per_shot=False)


def _output(help: str, kind: str = "folder", required: bool = False) -> Any:
    return option("", label="Output", help=help, kind=kind, group="Output", required=required)


@dataclass(frozen=True)
class StoreOptions:
    """A clip, its alignments, or both."""

    source: str = _source("Video file or folder of images whose alignments are meant; may be left out where the "
                          "alignments are named", required=False)
    alignments: str = option("", label="Alignments", help="The alignments file; empty: beside the source", kind="file",
                             group="Input", per_shot=False)


@dataclass(frozen=True)
class ClipOptions(StoreOptions):
    """A clip, and its alignments."""

    source: str = _source("Video file or folder of images", required=True)


@dataclass(frozen=True)
class FramesOptions:
    """Which frames are meant."""

    frames: str = option("", label="Frames", help="Frames that are meant, counted from 0, such as 0-99,150; empty: all",
                         group="Frames")


@dataclass(frozen=True)
class ChosenOptions(FramesOptions):
    """Which frames and persons are meant."""

    persons: tuple[str, ...] = persons_option()


@dataclass(frozen=True)
class DryRunOptions:
    """Whether anything is to be changed."""

    dry_run: bool = option(False, label="Dry Run", help="Only say what would be done, and change nothing",
                           group="Safety")


@dataclass(frozen=True)
class ListOptions(DryRunOptions):
    """What happens to what is found."""

    action: str = option("console", label="Action", help="What to do with what is found: print it, write it to a text "
                         "file, or move the pictures into a folder of their own", choices=ACTIONS, group="Output")
    output: str = _output("Where the text file or the moved pictures go; empty: beside what was searched, named after "
                          "the job and the time", kind="path")


@dataclass(frozen=True)
class ListWithoutMoveOptions(ListOptions):
    """What happens to what is found, where it cannot be moved."""

    action: str = option("console", label="Action", help="What to do with what is found: print it, or write it to a "
                         "text file", choices=ACTIONS[:2], group="Output")


@dataclass(frozen=True)
class FrameListOptions(ListOptions, StoreOptions):
    """A clip whose frames are listed."""


@dataclass(frozen=True)
class SmoothingOptions(DryRunOptions, ChosenOptions, StoreOptions):
    """Whose landmarks are smoothed."""

    all_faces: bool = option(False, label="All Faces", help="Smooth faces that a person edited or added as well; "
                             "otherwise they stay as they are and steady their neighbours", group=_SMOOTHING)
    again: bool = option(False, label="Again", help="Smooth faces that were smoothed before, too; otherwise a second "
                         "run changes nothing", group=_SMOOTHING, advanced=True)


# The jobs, in the order in which a day's work meets them


@dataclass(frozen=True)
class DrawOptions(ChosenOptions, ClipOptions):
    """Draw boxes, landmarks and pose over the frames, to look through them."""

    output: str = _output("Folder for the drawn frames; empty: drawn_landmarks_<time> beside the source")
    landmarks: bool = option(True, label="Landmarks", help="Draw the 68 points and the lines between them",
                             group="Drawing")
    boxes: bool = option(True, label="Boxes", help="Draw the detector's box and the square that training crops",
                         group="Drawing")
    pose: bool = option(True, label="Pose", help="Draw which way the head points, with its angles", group="Drawing")
    names: bool = option(True, label="Names", help="Write each face's number, person and state beside it",
                         group="Drawing")


@dataclass(frozen=True)
class MissingAlignmentsOptions(FrameListOptions, FramesOptions, ClipOptions):
    """List the frames that were never searched for faces."""


@dataclass(frozen=True)
class MissingFramesOptions(ListWithoutMoveOptions, ClipOptions):
    """List the frames in the alignments that the source no longer has."""


@dataclass(frozen=True)
class NoFacesOptions(FrameListOptions, FramesOptions, ClipOptions):
    """List the frames that were searched and hold no face."""


@dataclass(frozen=True)
class MultiFacesOptions(FrameListOptions, ChosenOptions):
    """List the frames that hold more than one face, or the pictures of their faces."""

    faces: str = _faces("Faces folder: list (or move, by the face's number in its frame) pictures rather than frames")


@dataclass(frozen=True)
class LeftoverFacesOptions(ListOptions, StoreOptions):
    """List the pictures in a faces folder whose face is not, or no longer, in the alignments."""

    faces: str = _faces("Faces folder to search, its subfolders included", required=True)


@dataclass(frozen=True)
class RemoveFacesOptions(DryRunOptions, ChosenOptions, StoreOptions):
    """Take the faces out of the alignments whose pictures were deleted from the faces folder."""

    faces: str = _faces("Faces folder from which unwanted pictures were deleted; sorted, renamed and grouped "
                        "pictures are recognised", required=True)
    all_faces: bool = option(False, label="All Faces", help="Also take out faces that a person added; otherwise they "
                             "stay, since their pictures may never have been made", group="Safety")
    restore_names: bool = option(True, label="Restore Names", help="Give the pictures that stay their first names "
                                 "again", group="Output")


@dataclass(frozen=True)
class RemoveFramesOptions(DryRunOptions, FramesOptions, ClipOptions):
    """Drop the alignments of frames that the source no longer has, or of those named."""

    frames: str = option("", label="Frames", help="Frames to forget, such as 0-99,150, so that extract looks at them "
                         "anew; empty: those that the source no longer has", group="Frames")
    all_faces: bool = option(False, label="All Faces", help="With frames: also forget those in which a person edited, "
                             "added or removed faces", group="Safety")
    faces: str = _faces("Faces folder whose pictures are to be told their new frame numbers; empty: none")


@dataclass(frozen=True)
class RenameOptions(DryRunOptions):
    """Give the pictures of a faces folder their first names again, after sorting."""

    faces: str = option("", label="Faces Folder", help="Faces folder, its subfolders included", kind="folder",
                        positional=True, required=True, per_shot=False)
    alignments: str = option("", label="Alignments", help="Alignments to which masks and identity vectors are brought "
                             "that only the pictures have; empty: none", kind="file", group="Input", per_shot=False)
    flatten: bool = option(False, label="Out of Subfolders", help="Also bring pictures out of the subfolders into "
                           "which they were grouped", group="Output")


@dataclass(frozen=True)
class SortFacesOptions(DryRunOptions, FramesOptions, StoreOptions):
    """Number the faces of each frame from left to right."""

    faces: str = _faces("Faces folder whose pictures are to be renamed along; empty: none")


@dataclass(frozen=True)
class SpatialOptions(SmoothingOptions):
    """Smooth each person's landmarks by what shapes that face takes, then over time."""

    components: int = option(20, label="Components", help="How many kinds of variation of the face's shape are kept",
                             min=1, max=136, group=_SMOOTHING)
    window: int = option(5, label="Window", help="Frames over which shapes are averaged", min=1, max=31, step=2,
                         unit="frames", group=_SMOOTHING)


@dataclass(frozen=True)
class TemporalOptions(SmoothingOptions):
    """Take the jitter out of landmarks over time, without lagging behind fast motion."""



@dataclass(frozen=True)
class ExtractFacesOptions(DryRunOptions, ChosenOptions, ClipOptions):
    """Cut face pictures for training out of the frames, from alignments that are there already."""

    faces: str = _faces("Where the pictures go, made when it is not there; with update the folder to bring up to date",
                        required=True)
    every: int = option(1, label="Every", help="Take every n-th frame only; 12 to 25 for film at 25 frames a second "
                        "gives varied pictures", min=1, max=1000, unit="frames", group="Frames")
    face_size: int = option(512, label="Face Size", help="Side of the pictures", min=256, max=1024, step=64, unit="px",
                            group="Output")
    min_size: float = option(0.0, label="Minimum Size", help="Smallest face to write: its size in the frame against "
                             "the size of the picture", min=0.0, max=200.0, unit="%", group="Output")
    align_eyes: bool = option(False, label="Align Eyes", help="Turn the pictures so that the eyes are level; training "
                              "turns them back, so this is for looking at", group="Output", advanced=True)
    update: bool = option(False, label="Update", help="Only rewrite pictures that are older than their landmarks; "
                          "pictures that were deleted stay away and names stay as they are", group="Output")


@dataclass(frozen=True)
class MergeOptions(DryRunOptions):
    """Merge alignments and faces folders of several clips into one folder to train from."""

    output: str = option("", label="Output", help="Folder for the merged pictures and their alignments", kind="folder",
                         positional=True, required=True)
    folders: tuple[str, ...] = option((), label="Faces Folders", help="Faces folders whose pictures to take, in order "
                                      "of precedence", kind="folder", group="Input", required=True)
    stores: tuple[str, ...] = option((), label="Alignments Files", help="Their alignments files; faces without one "
                                     "are taken from their pictures' headers", kind="file", group="Input")


@dataclass(frozen=True)
class FromFacesOptions(DryRunOptions):
    """Rebuild lost alignments from the headers of a faces folder's pictures."""

    faces: str = option("", label="Faces Folder", help="Faces folder, its subfolders included", kind="folder",
                        positional=True, required=True, per_shot=False)
    source: str = option("", label="Source", help="The clip that the faces are from, so that convert can use the "
                         "alignments; empty: alignments for training, one file for each clip that the pictures name",
                         kind="path", group="Input", per_shot=False)
    alignments: str = option("", label="Alignments", help="With a source: the alignments file to write; empty: beside "
                             "the source", kind="file", group="Output", per_shot=False)
    output: str = _output("Without a source: folder for the alignments files; empty: the faces folder")


@dataclass(frozen=True)
class UndoOptions(DryRunOptions, StoreOptions):
    """Take back the last change that was made to the faces, by a person or by a job such as smoothing."""

    revision: int = option(-1, label="Revision", help="Where in the history to go, forwards or backwards; -1: one step "
                           "back", min=-1, max=2**31 - 1, group="History")
