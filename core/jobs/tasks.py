"""The tasks a worker can run: name, options class and the function that does it (stdlib only).

A task is `run(options, reporter) -> dict`: `options` an instance of its options class, `reporter` a
`messages.Reporter`, the result JSON-ready (paths as strings, counts; under `text` what a person asked to see, such as
a list, in lines). It raises `UnderstudyError` for anything a person can mend and `Stopped` after a stop; run again with
the same options, it continues where it left off.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from ..options.alignments import (
    DrawOptions,
    ExtractFacesOptions,
    FromFacesOptions,
    LeftoverFacesOptions,
    MergeOptions,
    MissingAlignmentsOptions,
    MissingFramesOptions,
    MultiFacesOptions,
    NoFacesOptions,
    RemoveFacesOptions,
    RemoveFramesOptions,
    RenameOptions,
    SortFacesOptions,
    SpatialOptions,
    TemporalOptions,
    UndoOptions,
)
from ..options.analysis import GraphOptions, SessionsOptions
from ..options.constant_rate import ConstantRateOptions
from ..options.convert import ConvertOptions
from ..options.demo import DemoOptions, SamplesOptions
from ..options.extract import ExtractClipsOptions, ExtractOptions
from ..options.faces import FacesCompareOptions
from ..options.fit import ModelsFitOptions
from ..options.interop import ExportOptions, ImportOptions
from ..options.mask import (
    MaskAddOptions,
    MaskBakeOptions,
    MaskImportOptions,
    MaskOutputOptions,
    MaskUpdateOptions,
)
from ..options.models import ModelExportOptions, ModelImportOptions, ModelInfoOptions, RestoreOptions
from ..options.persons import (
    PersonsAssignOptions,
    PersonsLinkOptions,
    PersonsListOptions,
    PersonsMergeOptions,
    PersonsNameOptions,
    PersonsSplitOptions,
)
from ..options.rehearsal import RehearsalOptions
from ..options.report import ReportOptions
from ..options.setup import SetupOptions
from ..options.sort import SortOptions
from ..options.train import TrainOptions
from ..options.weights import WeightsFetchOptions, WeightsImportOptions, WeightsListOptions, WeightsVerifyOptions


@dataclass(frozen=True)
class Task:
    """One row: `entry` is "module:function" below `understudy.core`, imported only where the task runs.

    `name` is what the command line calls it; one of two words, such as "alignments draw", is a job of a family in
    `FAMILIES`. `command`: the command line offers it. `consent`: whether, with these options, it starts only after the
    question of `core.consent` is answered. `tool`: Blender's Tools panel offers it; options called `source`,
    `alignments` and `faces` are then filled in from the chosen strip.
    """

    name: str
    label: str
    options: type
    entry: str
    command: bool = True
    consent: Callable[[Any], bool] = lambda options: True
    tool: bool = False

    @property
    def table(self) -> str:
        """Its table in a settings file, and the identifier of its settings in Blender."""
        return self.name.replace(" ", "-")

    def load(self) -> Callable[[Any, Any], dict[str, Any]]:
        module, _, function = self.entry.partition(":")
        return getattr(import_module(f"...{module}", __name__), function)


# What the command line says of the first word of tasks of two.
FAMILIES: dict[str, str] = {
    "alignments": "Look after the alignments of a clip.",
    "models": "What is trained: see what a model is and what there is of it.",
    "faces": "Faces folders: see how well they serve a training.",
    "mask": "Make, bring in and show the masks of faces that were found.",
    "persons": "Who is who in a clip: see, name, merge and split persons.",
    "weights": "Weights of networks: see, fetch, import and verify them.",
}

# Jobs of one file each in `core.alignments`: name, label, options.
_ALIGNMENTS_JOBS: tuple[tuple[str, str, type], ...] = (
    ("draw", "Draw Faces", DrawOptions),
    ("missing-alignments", "Missing Alignments", MissingAlignmentsOptions),
    ("missing-frames", "Missing Frames", MissingFramesOptions),
    ("no-faces", "Frames without Faces", NoFacesOptions),
    ("multi-faces", "Frames with Several Faces", MultiFacesOptions),
    ("leftover-faces", "Leftover Faces", LeftoverFacesOptions),
    ("remove-faces", "Remove Deleted Faces", RemoveFacesOptions),
    ("remove-frames", "Remove Frames", RemoveFramesOptions),
    ("rename", "Restore Names", RenameOptions),
    ("sort", "Number Faces", SortFacesOptions),
    ("spatial", "Smooth Shapes", SpatialOptions),
    ("temporal", "Smooth over Time", TemporalOptions),
    ("extract", "Cut Faces", ExtractFacesOptions),
    ("merge", "Merge for Training", MergeOptions),
    ("from-faces", "Rebuild from Faces", FromFacesOptions),
    ("undo", "Undo Change", UndoOptions),
)

TASKS: dict[str, Task] = {
    task.name: task
    for task in (
        Task("extract", "Extract", ExtractOptions, "extraction.task:run"),
        Task("train", "Train", TrainOptions, "training.task:run"),
        Task("convert", "Convert", ConvertOptions, "conversion.task:run"),
        Task("report", "Look Over Result", ReportOptions, "reporting.task:run", consent=lambda options: False),
        Task("demo", "Demo", DemoOptions, "demo.task:run", consent=lambda options: bool(options.a or options.b)),
        Task("samples", "Sample Clips", SamplesOptions, "demo.samples:run", consent=lambda options: False),
        *(Task(f"alignments {job}", label, options, f"alignments.{job.replace('-', '_')}:run",
               consent=lambda options: False, tool=True) for job, label, options in _ALIGNMENTS_JOBS),
        Task("alignments import", "Import Alignments", ImportOptions, "interop.importing:run", tool=True),
        Task("alignments export", "Export Alignments", ExportOptions, "interop.exporting:run",
             consent=lambda options: False, tool=True),
        Task("extract-clips", "Extract a Folder of Clips", ExtractClipsOptions, "extraction.task:run_clips", tool=True),
        Task("constant-rate", "Constant Rate", ConstantRateOptions, "media.constant_rate:run",
             consent=lambda options: False, tool=True),
        Task("faces compare", "Compare Faces", FacesCompareOptions, "training.faces.compare:run",
             consent=lambda options: False, tool=True),
        Task("sort", "Sort Faces", SortOptions, "sorting.task:run", tool=True),
        Task("persons list", "List Persons", PersonsListOptions, "persons.task:list_", tool=True),
        Task("persons link", "Link Faces", PersonsLinkOptions, "persons.task:link", tool=True),
        Task("persons name", "Name Person", PersonsNameOptions, "persons.task:name", tool=True),
        Task("persons merge", "Merge Persons", PersonsMergeOptions, "persons.task:merge", tool=True),
        Task("persons split", "Split Person", PersonsSplitOptions, "persons.task:split", tool=True),
        Task("persons assign", "Assign Faces", PersonsAssignOptions, "persons.task:assign", tool=True),
        Task("weights list", "List Weights", WeightsListOptions, "weights.task:list_",
             consent=lambda options: False),
        Task("weights fetch", "Fetch Weights", WeightsFetchOptions, "weights.task:fetch",
             consent=lambda options: False, tool=True),
        Task("weights import", "Import Weights", WeightsImportOptions, "weights.task:import_",
             consent=lambda options: False, tool=True),
        Task("weights verify", "Verify Weights", WeightsVerifyOptions, "weights.task:verify",
             consent=lambda options: False, tool=True),
        Task("mask add", "Add Masks", MaskAddOptions, "masking.making:add", tool=True),
        Task("mask update", "Update Masks", MaskUpdateOptions, "masking.making:update", tool=True),
        Task("mask import", "Import Masks", MaskImportOptions, "masking.importing:run", tool=True),
        Task("mask bake", "Bake Masks", MaskBakeOptions, "masking.baking:run"),
        Task("mask output", "Output Masks", MaskOutputOptions, "masking.output:run", tool=True),
        Task("restore", "Restore Model", RestoreOptions, "models.restoring:run", consent=lambda options: False,
             tool=True),
        Task("models graph", "Draw Graph", GraphOptions, "training.watching.analysis:graph",
             consent=lambda options: False, tool=True),
        Task("models sessions", "List Sessions", SessionsOptions, "training.watching.analysis:list_sessions",
             consent=lambda options: False, tool=True),
        Task("models import", "Import Model", ModelImportOptions, "models.keras.importing:run",
             consent=lambda options: False, tool=True),
        Task("models export", "Export Model", ModelExportOptions, "models.exporting:run", tool=True),
        Task("models fit", "Memory of Trainers", ModelsFitOptions, "training.computing.fitting:run",
             consent=lambda options: False, tool=True),
        Task("models info", "Model Information", ModelInfoOptions, "models.info:run", consent=lambda options: False,
             tool=True),
        Task("rehearsal", "Rehearsal", RehearsalOptions, "jobs.rehearsal:run", consent=lambda options: False),
        Task("setup", "Set Up", SetupOptions, "jobs.setup:run", command=False, consent=lambda options: False),
    )
}
