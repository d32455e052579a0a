"""The task `models export`: the swap path of a model as one ONNX file, also by the names that live tools expect (DFM).

DFM is what DeepFaceLab writes and DeepFaceLive reads: an ONNX file whose input `in_face:0` is float32 [N, S, S, 3], BGR
in 0..1, and whose outputs are, in this order, `out_face_mask:0` (of the face that came in), `out_celeb_face:0` and
`out_celeb_face_mask:0`, all [N, T, T, channels]. Sources: DeepFaceLive, modelhub/DFLive/DFMModel.py, which looks at the
names and takes the outputs by place; DeepFaceLab, models/Model_SAEHD/Model.py `export_dfm`, which gives the mask of the
incoming face from the decoder of its own side. Its second kind, with an input `morph_value:0`, is of AMP models only.

PyTorch's exporter by tracing is used, not the newer one: it writes the operators of 2020 (opset 13), which the runtimes
that live tools bring (onnxruntime 1.11 in DeepFaceLive's Linux build) still know.
"""

from __future__ import annotations

import io
import warnings
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from torch import nn

from ... import __version__
from ..errors import ModelError, OutputError, Stopped, UsageError, writing
from ..jobs.messages import Reporter
from ..media.provenance import SOFTWARE, SOURCE_TYPE
from ..options.models import ModelExportOptions
from .base import Side, SwapModel
from .files import in_words, require_room, write_atomically
from .folder import TrainedModel, load

_STATEMENT = "Pictures made with this network are algorithmically altered: it replaces faces. Made by Understudy."
_IR_VERSION = 8  # of the file's layout; the one that came with onnxruntime 1.10
_MOST_BYTES = 2**31 - 2**20  # in one file of this kind
_TOLERANCE = 1e-3  # between PyTorch and ONNX Runtime, of 0..1: a quarter of a step of 8 bits
_TAIL = 1 << 14  # bytes at a file's end that hold its metadata
_REACH = {"legacy": 0.375, "face": 0.5, "head": 0.625}  # padding around the unit box of the mean face
_INPUTS = {"onnx": "face", "dfm": "in_face:0"}


class _Plain(nn.Module):
    """float32 [N, 3, S, S] RGB 0..1 -> swapped face [N, 3, T, T], and its mask [N, 1, T, T] from a model with masks."""

    outputs = ("swapped", "mask")

    def __init__(self, model: SwapModel, side: Side) -> None:
        super().__init__()
        self.model, self.side = model, side

    def forward(self, face: torch.Tensor) -> tuple[torch.Tensor, ...]:
        made = self.model.decode(self.model.encode(face), self.side)
        return (made.faces[-1],) if made.mask is None else (made.faces[-1], made.mask)


class _Dfm(nn.Module):
    """float32 [N, S, S, 3] BGR 0..1 -> mask of that face, swapped face, its mask; see the module's docstring.

    Masks of a model that has learned none are 1 all over.
    """

    outputs = ("out_face_mask:0", "out_celeb_face:0", "out_celeb_face_mask:0")

    def __init__(self, model: SwapModel, side: Side) -> None:
        super().__init__()
        self.model, self.side = model, side
        self.other: Side = "a" if side == "b" else "b"

    def forward(self, face: torch.Tensor) -> tuple[torch.Tensor, ...]:
        code = self.model.encode(face.flip(-1).permute(0, 3, 1, 2))
        made = self.model.decode(code, self.side)
        swapped = made.faces[-1].permute(0, 2, 3, 1).flip(-1)
        if made.mask is None:
            # Computed from the answer: a constant would be for as many faces as it was traced with.
            mask = other = swapped[..., :1] * 0.0 + 1.0
        else:
            own = self.model.decode(code, self.other).mask
            assert own is not None
            mask, other = made.mask.permute(0, 2, 3, 1), own.permute(0, 2, 3, 1)
        return other, swapped, mask


def run(options: ModelExportOptions, reporter: Reporter) -> dict[str, Any]:
    """Write the file, after PyTorch and ONNX Runtime have agreed about it.

    Returns:
        {"file", "format", "size" (bytes), "input_size", "output_size", "learned_mask", "difference" (the largest
        between PyTorch and ONNX Runtime, of 0..1), "metadata", "text"}.

    Raises:
        ModelError: no model there, a damaged one, one that is too large, or the two do not agree.
        OutputError: the place cannot be written, or holds something else.
        UsageError: a name that live tools would not find.
    """
    model_dir = Path(options.model_dir).expanduser()
    target = _target(options, model_dir)
    _step(reporter, 0, f"Reading {model_dir.name}")
    trained = load(model_dir)
    side: Side = "a" if options.side == "a" else "b"
    wrapped = (_Dfm if options.format == "dfm" else _Plain)(trained.model, side).eval()
    _step(reporter, 1, "Writing down the network")
    data = _exported(wrapped, options, trained, model_dir)
    _step(reporter, 2, "Comparing with PyTorch")
    difference = _compare(data, wrapped, options, trained.input_size)
    metadata = _metadata(options, trained)
    whole = _described(data, metadata)
    _step(reporter, 3, f"Writing {target.name}")
    require_room(target.parent, len(whole))
    with writing(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(target, whole)
    learned = trained.settings.learn_mask
    lines = [f"{target}: {in_words(len(whole))}, {trained.input_size} px in, {trained.output_size} px out",
             f"ONNX Runtime and PyTorch agree to {difference:.1e}"]
    if options.format == "dfm":
        lines.append(f"In DeepFaceLive, set the aligner's face coverage to about {_coverage(trained):.1f}")
        if not learned:
            lines.append("The model has learned no mask: its masks are 1 all over, so that the whole square is swapped")
    return {"file": str(target), "format": options.format, "size": len(whole), "input_size": trained.input_size,
            "output_size": trained.output_size, "learned_mask": learned, "difference": difference,
            "metadata": metadata, "text": "\n".join(lines)}


def _step(reporter: Reporter, done: int, text: str) -> None:
    if reporter.progress(done, 4, "steps", text):
        raise Stopped


def _target(options: ModelExportOptions, model_dir: Path) -> Path:
    """Where the file goes: where the person says, or beside the model folder.

    Raises:
        OutputError, UsageError: see `run`.
    """
    suffix = f".{options.format}"
    if not options.output.strip():
        folder = model_dir.absolute()
        path = folder.with_name(f"{folder.name}{suffix}")
    else:
        path = Path(options.output).expanduser().absolute()
        if path.is_dir():
            path = path / f"{model_dir.absolute().name}{suffix}"
        elif not path.suffix:
            path = path.with_suffix(suffix)
        if options.format == "dfm" and path.suffix.lower() != suffix:
            raise UsageError(f"Live tools find files that end in .dfm, not {path.name}", "Choose another name")
    if path.exists() and not _is_export(path):
        raise OutputError(f"{path} is there and was not exported by Understudy", "Choose another name, or remove it")
    return path


def _is_export(path: Path) -> bool:
    """Whether the file is one of ours, by the mark in its metadata, which stand at the end."""
    try:
        with open(path, "rb") as file:
            file.seek(max(0, path.stat().st_size - _TAIL))
            return SOURCE_TYPE.encode() in file.read()
    except OSError:
        return False


def _exported(wrapped: _Plain | _Dfm, options: ModelExportOptions, trained: TrainedModel, model_dir: Path) -> bytes:
    """The network as ONNX, without metadata.

    Raises:
        ModelError: it is too large for one file.
    """
    example = _faces(2 if options.dynamic_batch else 1, trained.input_size, options.format)
    with torch.no_grad():
        names = [_INPUTS[options.format], *wrapped.outputs[:len(wrapped(example))]]
    axes = {name: {0: "faces"} for name in names} if options.dynamic_batch else None
    made = io.BytesIO()
    try:
        # Tracing warns of each size that becomes fixed, as it should, and prints its graph where it fails.
        with torch.no_grad(), warnings.catch_warnings(), redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            torch.onnx.export(wrapped, (example,), made, input_names=names[:1],  # type: ignore[arg-type]
                              output_names=names[1:], dynamic_axes=axes, opset_version=options.opset, dynamo=False)
    except (RuntimeError, ValueError) as error:
        size = sum(parameter.nbytes for parameter in wrapped.parameters())
        if size < _MOST_BYTES:
            raise
        raise ModelError(f"The model in {model_dir} is too large to be exported ({in_words(size)}; a file of this kind "
                         f"holds {in_words(_MOST_BYTES)})", "Train a smaller one") from error
    return made.getvalue()


def _faces(count: int, size: int, format: str) -> torch.Tensor:
    """Pictures to try a network with, smooth as faces are: float32 in 0..1, in the format's layout."""
    coarse = torch.rand(count, 3, 8, 8, generator=torch.Generator().manual_seed(1))
    faces = nn.functional.interpolate(coarse, (size, size), mode="bilinear")
    return faces.permute(0, 2, 3, 1).contiguous() if format == "dfm" else faces


def _compare(data: bytes, wrapped: _Plain | _Dfm, options: ModelExportOptions, size: int) -> float:
    """The largest difference of what ONNX Runtime and PyTorch make of the same faces.

    Raises:
        ModelError: they do not agree.
    """
    import onnxruntime

    settings = onnxruntime.SessionOptions()
    settings.log_severity_level = 3
    session = onnxruntime.InferenceSession(data, settings, providers=["CPUExecutionProvider"])
    difference = 0.0
    for count in (1, 3) if options.dynamic_batch else (1,):
        faces = _faces(count, size, options.format)
        with torch.no_grad():
            expected = wrapped(faces)
        found = session.run(None, {_INPUTS[options.format]: faces.numpy()})
        for one, other in zip(found, expected, strict=True):
            far = np.inf if one.shape != other.shape else float(np.abs(one - other.numpy()).max())
            difference = max(difference, far)
    if not difference <= _TOLERANCE:
        raise ModelError(f"ONNX Runtime makes something else of the network than PyTorch (they differ by "
                         f"{difference:.2g})", "Choose another opset, and please report it")
    return difference


def _metadata(options: ModelExportOptions, trained: TrainedModel) -> dict[str, str]:
    """What the file says of itself."""
    settings = trained.settings
    plain = options.format == "onnx"
    return {"software": f"{SOFTWARE} {__version__}", "statement": _STATEMENT, "digital_source_type": SOURCE_TYPE,
            "trainer": settings.trainer, "iterations": str(trained.iterations), "face_of": options.side.upper(),
            "layout": "NCHW" if plain else "NHWC", "colour": "RGB 0..1" if plain else "BGR 0..1",
            "input_size": str(trained.input_size), "output_size": str(trained.output_size),
            "mask": "learned" if settings.learn_mask else "none" if plain else "none: 1 all over",
            "centering": settings.centering, "coverage": f"{settings.coverage:g}",
            "vertical_offset": f"{settings.vertical_offset:g}", "face_coverage": f"{_coverage(trained):.3f}"}


def _coverage(trained: TrainedModel) -> float:
    """Side of the model's crop in sides of the mean face's unit box: what DeepFaceLive calls face coverage.

    A crop of side s has padding s (r + c - 1) / (2 c) around the unit box (see `faces.geometry`), so the box is
    s (1 - r) / c.
    """
    return trained.settings.coverage / (1.0 - _REACH[trained.settings.centering])


def _described(data: bytes, metadata: dict[str, str]) -> bytes:
    """The file with its metadata, at its end.

    Raises:
        ModelError: what was made is no valid ONNX.
    """
    model = onnx.load_model_from_string(data)
    model.ir_version = min(model.ir_version, _IR_VERSION)
    model.producer_name, model.producer_version, model.doc_string = SOFTWARE, __version__, _STATEMENT
    onnx.helper.set_model_props(model, metadata)
    try:
        onnx.checker.check_model(model)
    except onnx.checker.ValidationError as error:
        raise ModelError(f"The network makes no valid ONNX ({str(error).splitlines()[0]})",
                         "Choose another opset, and please report it") from error
    return model.SerializeToString()
