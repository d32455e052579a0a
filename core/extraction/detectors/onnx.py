"""Networks in ONNX files, run by ONNX Runtime on one core each, shared between threads."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import onnxruntime

from ...errors import WeightsError
from ..sharing import share

# dim { dim_value: 640 } twice, and dim { dim_param: "h" } with dim { dim_param: "w" }, in the bytes of an ONNX file
# (field numbers of onnx.proto). They are of the same length, so that nothing around them changes.
_SQUARE_640, _ANY_SIZE = b"\x0a\x03\x08\x80\x05" * 2, b"\x0a\x03\x12\x01h\x0a\x03\x12\x01w"


def session(file: Path, device: str, of_any_size: bool = False) -> Any:
    """An `onnxruntime.InferenceSession`, the same one for all who ask; it may be run by several threads at a time.

    Args:
        device: torch's name; anything but a CUDA device that ONNX Runtime can use means the processor.
        of_any_size: of a file whose input is declared as 640 x 640, make one that takes any height and width.

    Raises:
        WeightsError: if the file is damaged or of another network.
    """
    return share((_open, file, device, of_any_size), partial(_open, file, device, of_any_size))


def _open(file: Path, device: str, of_any_size: bool) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # the other cores are busy with other frames
    options.log_severity_level = 3  # errors alone; that outputs differ from the declared size is meant
    providers = ["CPUExecutionProvider"]
    if device.startswith("cuda") and "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        providers.insert(0, "CUDAExecutionProvider")
    try:
        data = file.read_bytes()
        if of_any_size:
            if data.count(_SQUARE_640) != 1:
                raise ValueError("its input is not declared as 640 x 640")
            data = data.replace(_SQUARE_640, _ANY_SIZE)
        return onnxruntime.InferenceSession(data, options, providers)
    except Exception as error:  # ONNX Runtime's kinds of error have no common parent but this
        raise WeightsError(f"The weights {file} are damaged, or of another network ({type(error).__name__})",
                           "Fetch or import them again") from error
