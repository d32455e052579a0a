"""The weights that Understudy can use: one row per file, with where it comes from and on what terms (stdlib only).

To add one is to add a row; `docs/weights.md` is written from these by `make reference`.
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal

from ..errors import UsageError

Commercial = Literal["yes", "no", "unknown"]

_FACESWAP = "https://github.com/deepfakes-models/faceswap-models/releases/download"
_BLAZEFACE = "https://github.com/hollance/BlazeFace-PyTorch/raw/master"
_BULAT = "https://www.adrianbulat.com/downloads/python-fan"
_DLIB_WHEEL = "face_recognition_models"


@dataclass(frozen=True)
class Weights:
    """One file of weights.

    Attributes:
        name: what the command line and other rows call it; never changes once released.
        task: "detection", "alignment", "mask" or "identity".
        file: its name in the weights folder (inside the package, for an embedded one).
        address: where it is downloaded from; "" for an embedded file and for one that the person brings.
        member: where `address` is a zip archive: the path of the file in it; "" for a plain file.
        size: in bytes, None where nobody publishes it.
        sha256: 64 hexadecimal digits, or the first ones of it as torch hub puts them into names; "" where nobody
            publishes it: what the first download or import had is then kept and checked ever after.
        licence: of the weights, or of the code that they come with where they have none of their own.
        commercial: whether that licence, or the terms of the data that they were trained on, allow commercial use.
        origin: who made them.
        remark: what else one should know before using them.
        package: the Python package that brings the file; "" for all that are not embedded.
    """

    name: str
    task: str
    file: str
    origin: str
    licence: str
    commercial: Commercial
    address: str = ""
    member: str = ""
    size: int | None = None
    sha256: str = ""
    remark: str = ""
    package: str = ""

    @property
    def is_embedded(self) -> bool:
        return bool(self.package)

    @property
    def is_own(self) -> bool:
        """The person has to bring the file; there is no address to fetch it from."""
        return not self.package and not self.address


def _faceswap(name: str, task: str, member: str, tag: str, *, origin: str, archive: str = "",
              licence: str = "none stated", commercial: Commercial = "unknown", remark: str = "") -> Weights:
    """A row whose file is a member of an archive in the releases of faceswap-models."""
    archive = archive or member.rpartition(".")[0]
    return Weights(name, task, member, origin, licence, commercial, f"{_FACESWAP}/{tag}/{archive}.zip", member,
                   remark=remark)


WEIGHTS: tuple[Weights, ...] = (
    Weights("yunet", "detection", "face_detection_yunet_2023mar.onnx", "libfacedetection.train, OpenCV Zoo", "MIT",
            "yes", "https://github.com/opencv/opencv_zoo/raw/main/models/face_detection_yunet/"
            "face_detection_yunet_2023mar.onnx", size=232_589,
            sha256="8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4"),
    Weights("blazeface-front", "detection", "blazeface.pth", "MediaPipe, converted by hollance/BlazeFace-PyTorch",
            "Apache-2.0", "yes", f"{_BLAZEFACE}/blazeface.pth", size=420_224,
            sha256="54ecff653feaaaf1f7d44b6aff28fd2fc50e483a4e847563b6dd261369c43ba4"),
    Weights("blazeface-back", "detection", "blazefaceback.pth", "MediaPipe, converted by hollance/BlazeFace-PyTorch",
            "Apache-2.0", "yes", f"{_BLAZEFACE}/blazefaceback.pth", size=594_825,
            sha256="e2c03bb3ae45e769eaaa0a7cc7d4f61f54a5e3fbae6367d870166702e7022b11"),
    Weights("blazeface-front-anchors", "detection", "anchors.npy", "hollance/BlazeFace-PyTorch", "Apache-2.0", "yes",
            f"{_BLAZEFACE}/anchors.npy", size=28_800,
            sha256="a10bb2fb93ab54ca426d6c750bfc3aad685028a16dcf231357d03694f261fd95"),
    Weights("blazeface-back-anchors", "detection", "anchorsback.npy", "hollance/BlazeFace-PyTorch", "Apache-2.0", "yes",
            f"{_BLAZEFACE}/anchorsback.npy", size=28_800,
            sha256="a10bb2fb93ab54ca426d6c750bfc3aad685028a16dcf231357d03694f261fd95",
            remark="The same numbers as those of the front camera's model"),
    Weights("retinaface-mobilenet", "detection", "retinaface_mobilenet0.25.pth", "biubug6/Pytorch_Retinaface", "MIT",
            "yes", f"{_BULAT}/retinaface_mobilenet0.25.pth", size=1_786_259,
            sha256="5f88f7957d9eaef82b49b9e0202bc56e97292e2aede2999209accd34442cc4df"),
    Weights("retinaface-resnet", "detection", "detection_Resnet50_Final.pth",
            "biubug6/Pytorch_Retinaface, kept by xinntao/facexlib", "MIT", "yes",
            "https://github.com/xinntao/facexlib/releases/download/v0.1.0/detection_Resnet50_Final.pth",
            size=109_497_761,
            sha256="6d1de9c2944f2ccddca5f5e010ea5ae64a39845a86311af6fdf30841b0a5a16d"),
    Weights("scrfd", "detection", "det_2.5g.onnx", "deepinsight/insightface, kept by yakhyo/facial-analysis",
            "InsightFace's: for research only", "no",
            "https://github.com/yakhyo/facial-analysis/releases/download/v0.0.1/det_2.5g.onnx"),
    Weights("s3fd", "detection", "s3fd-619a316812.pth", "1adrianb/face-alignment", "BSD-3-Clause for the code",
            "unknown",
            f"{_BULAT}/s3fd-619a316812.pth", size=89_843_225,
            sha256="619a31681264d3f7f7fc7a16a42cbbe8b23f31a256f75a366e5a1bcd59b33543"),
    _faceswap("mtcnn-pnet", "detection", "mtcnn_det_v3.1.pt", "v2.3", archive="mtcnn_det_v3", licence="MIT",
              commercial="yes", origin="MTCNN, converted by faceswap", remark="Proposals, the first of three"),
    _faceswap("mtcnn-rnet", "detection", "mtcnn_det_v3.2.pt", "v2.3", archive="mtcnn_det_v3", licence="MIT",
              commercial="yes", origin="MTCNN, converted by faceswap", remark="Refinement, the second of three"),
    _faceswap("mtcnn-onet", "detection", "mtcnn_det_v3.3.pt", "v2.3", archive="mtcnn_det_v3", licence="MIT",
              commercial="yes", origin="MTCNN, converted by faceswap", remark="Output, the third of three"),
    _faceswap("opencv-ssd", "detection", "resnet_ssd_v1.caffemodel", "v4.1", origin="OpenCV, kept by faceswap"),
    _faceswap("opencv-ssd-layout", "detection", "resnet_ssd_v1.prototxt", "v4.1", origin="OpenCV, kept by faceswap",
              remark="The layers of opencv-ssd"),
    Weights("dlib-mmod", "detection", "mmod_human_face_detector.dat", "davisking/dlib-models, in the wheel "
            f"{_DLIB_WHEEL}", "CC0-1.0", "yes", size=729_940, package=_DLIB_WHEEL,
            sha256="4cb19393e2fbaf2b1609a9319ad5386618c886a6234ec1b971f3e87c85d87fe6"),
    Weights("fan-2d4", "alignment", "2DFAN4-11f355bf06.pth.tar", "1adrianb/face-alignment", "BSD-3-Clause for the code",
            "no", f"{_BULAT}/2DFAN4-11f355bf06.pth.tar",
            sha256="11f355bf0693120222f5955ce3f9dc8fb5763ebb30a47d7906e509490d32e4aa",
            remark="Trained on 300W-LP, made from iBUG 300-W, whose terms exclude commercial use"),
    _faceswap("cv2-landmarks", "alignment", "cnn-facial-landmark_v1.pb", "v1.1", licence="MIT", commercial="yes",
              origin="yinguobing/cnn-facial-landmark, kept by faceswap"),
    Weights("dlib-68", "alignment", "shape_predictor_68_face_landmarks.dat", "davisking/dlib-models, in the wheel "
            f"{_DLIB_WHEEL}", "CC0-1.0 for the file", "no", size=99_693_937, package=_DLIB_WHEEL,
            sha256="fbdc2cb80eb9aa7a758672cbfdda32ba6300efe9b6e6c7a299ff7e736b11b92f",
            remark="Trained on iBUG 300-W, whose terms exclude commercial use"),
    _faceswap("vgg-clear", "mask", "Nirkin_300_softmax_v2.pth", "v8.2", origin="Nirkin et al., converted by faceswap"),
    _faceswap("vgg-obstructed", "mask", "Nirkin_500_softmax_v2.pth", "v5.2",
              origin="Nirkin et al., converted by faceswap"),
    _faceswap("unet-dfl", "mask", "DFL_256_sigmoid_v2.pth", "v6.2", origin="DeepFaceLab, converted by faceswap"),
    _faceswap("bisenet-face", "mask", "bisenet_face_parsing_v6.pth", "v14.6", origin="faceswap",
              remark="Trained for five classes; to be used without hair"),
    _faceswap("bisenet-hair", "mask", "bisenet_face_parsing_v5.pth", "v14.5", origin="faceswap",
              remark="Trained for five classes; the one for masks that take in the hair"),
    _faceswap("bisenet-original", "mask", "bisenet_face_parsing_v4.pth", "v14.4", commercial="no",
              licence="MIT for the code", origin="zllrunning/face-parsing.PyTorch, kept by faceswap",
              remark="Trained on CelebAMask-HQ, whose terms exclude commercial use"),
    _faceswap("vggface2", "identity", "vggface2_resnet50_v3.pth", "v10.3", licence="CC-BY-NC-4.0", commercial="no",
              origin="Oxford VGG, converted by faceswap"),
    Weights("mobilefacenet", "identity", "mobilefacenet.ckpt", "the person who uses it", "that of the file", "unknown",
            remark="Bring your own file of this architecture (a state dict, or a dict with net_state_dict; input "
                   "112×96) and import it"),
    Weights("dlib-resnet", "identity", "dlib_face_recognition_resnet_model_v1.dat", "davisking/dlib-models, in the "
            f"wheel {_DLIB_WHEEL}", "CC0-1.0", "yes", size=22_466_066, package=_DLIB_WHEEL,
            sha256="55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30"),
)


def find(name: str) -> Weights:
    """The row called `name`.

    Raises:
        UsageError: if there is none; the nearest name is suggested.
    """
    for row in WEIGHTS:
        if row.name == name:
            return row
    names = [row.name for row in WEIGHTS]
    close = get_close_matches(name, names, 1)
    raise UsageError(f"There are no weights called {name!r}",
                     f"Did you mean {close[0]}?" if close else f"Known: {', '.join(names)}")
