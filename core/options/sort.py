"""Options of `understudy sort`."""

from __future__ import annotations

from dataclasses import dataclass

from .common_fields import device_option, persons_option
from .field import option
from .rows import IDENTITIES, SORT_METHODS, Row

_SAME = Row("same", "The Same", "What the faces are sorted by", "")


@dataclass(frozen=True)
class SortOptions:
    """Put the pictures of a faces folder in order, or into groups, to look through them and throw some out."""

    faces: str = option("", label="Faces Folder", help="Faces folder to sort", kind="folder", positional=True,
                        required=True, per_shot=False)
    by: str = option("face", label="Sort By", help="What brings faces together, or makes one come before another",
                     choices=SORT_METHODS, group="Order")
    final_process: str = option("rename", label="Final Process", help="What is done: rename puts a number before each "
                                "name, folders moves the pictures into a folder for each group",
                                choices=("rename", "folders"), group="Result")
    group_by: str = option("same", label="Group By", help="For folders: what makes the groups; where it is not what "
                           "faces are sorted by, the pictures in each folder are numbered in that order",
                           choices=(_SAME, *SORT_METHODS), group="Result")
    bins: int = option(5, label="Bins", help="For folders by one number (blur, distance, yaw, pitch, roll, size, "
                       "color): into how many equal parts its range is divided; the angles' is 180 degrees, the "
                       "colours' 100 percent", min=1, max=100, group="Result")
    threshold: float = option(-1.0, label="Threshold", help="For folders by face, face-cnn and hist: where groups are "
                              "told apart; face: share of the greatest distance (0 to 1), hist: Bhattacharyya distance "
                              "(0 to 1), face-cnn: sum of the landmarks' differences in pixels; below 0: automatic "
                              "(0.25, 0.3, 200)", min=-1.0, max=10_000.0, group="Result")
    output: str = option("", label="Output", help="Folder for the sorted pictures; empty: where they are",
                         kind="folder", group="Result")
    keep: bool = option(False, label="Keep", help="Copy the pictures and keep the original ones", group="Result")
    alignments: str = option("", label="Alignments", help="The alignments of the faces, for persons and for identity "
                             "vectors; empty: vectors come from the pictures", kind="file", group="Input",
                             per_shot=False)
    persons: tuple[str, ...] = persons_option("Input")
    identity: str = option("dlib", label="Identity", help="For face: whose vectors tell people apart", group="Input",
                           choices=IDENTITIES, advanced=True)
    device: str = device_option("Input")
    undo: bool = option(False, label="Undo", help="Take the last sorting of this folder back instead", group="Safety")
    dry_run: bool = option(False, label="Dry Run", help="Only say what would be done, and change nothing",
                           group="Safety")
