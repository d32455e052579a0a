"""Both sides' faces for a training, with all that a person should hear of them first."""

from __future__ import annotations

from shlex import quote

from ...errors import UsageError
from ...jobs.messages import Reporter
from ...models.folder import Settings
from ...options.faces import FacesOptions
from ...options.training_masks import TrainingMaskOptions
from . import checks, directions
from .data import FaceSet, load_faces
from .duplicates import different, twin_share
from .freshness import outdated
from .masks import MaskWork
from .reading import UNMASKED, Cut

Sides = tuple[FaceSet, FaceSet]


def mask_work(options: TrainingMaskOptions) -> MaskWork:
    """What the options say is done to masks."""
    return MaskWork(options.mask_dilation, options.mask_threshold, options.mask_blur_kernel)


def load_sides(options: FacesOptions, cut: Cut, reporter: Reporter, *, flip: bool = True) -> Sides:
    """Read the faces of A and B, and warn of what would cost days to find out.

    Args:
        flip: whether the training mirrors faces.

    Raises:
        UsageError: the model needs a mask, and none is chosen.
        as `load_faces`.
    """
    require_mask(cut.settings)
    sides = (load_faces(options.folders("a"), cut, reporter, "A", options.persons_a, options.alignments_a),
             load_faces(options.folders("b"), cut, reporter, "B", options.persons_b, options.alignments_b))
    for faces in sides:
        for sentence, paths in outdated(faces, reporter):
            reporter.warning(sentence, "\n".join(map(str, paths)))
        share, apart = twin_share(faces.looks), checks.GOOD_FACES
        if share > checks.MANY_TWINS:  # else what differs is no matter, and counting it takes a while
            apart = different(faces.looks, checks.GOOD_FACES)
        if sentence := checks.about_twins(share, apart, faces.label):
            reporter.warning(sentence)
    comparison = directions.compare(sides[0].angles, sides[1].angles, flip=flip)
    if comparison.sentence:
        named = " ".join(_named(faces) for faces in sides)
        reporter.warning(f"{comparison.sentence}; to see it: understudy faces compare {named}",
                         "\n".join(map(str, comparison.gaps)))
    return sides


def _named(faces: FaceSet) -> str:
    """A side's folders as the command line takes them."""
    side, (first, *more) = faces.label.lower(), (quote(str(folder)) for folder in faces.folders)
    return f"--input-{side} {first}" + (f" --more-input-{side} {' '.join(more)}" if more else "")


def require_mask(settings: Settings) -> None:
    """Make sure that a model whose training needs a mask has one.

    Raises:
        UsageError: it has none.
    """
    needs = next((option for option in ("penalized_mask_loss", "learn_mask") if getattr(settings, option)), None)
    if needs and settings.mask_type == UNMASKED:
        flag = needs.replace("_", "-")
        raise UsageError(f"With mask-type none there is no mask for {flag}", f"Choose a mask, or --no-{flag}")
