"""Models of faceswap: what is imported computes what Keras computes; what cannot be imported is named."""

from __future__ import annotations

import importlib.util
import io
import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from understudy.core.errors import ModelError
from understudy.core.jobs.messages import SilentReporter
from understudy.core.models import folder
from understudy.core.models.keras import importing
from understudy.core.models.keras.file import KerasFile
from understudy.core.options.models import ModelImportOptions

# Keras turns its tensors into arrays in a way that NumPy is about to give up.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.fixture(scope="module")
def fields() -> ModuleType:
    """The networks in Keras, which takes seconds to import."""
    spec = importlib.util.spec_from_file_location("keras_models", Path(__file__).with_name("keras_models.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.keras.utils.set_random_seed(3)
    return module


def save(model: Any, place: Path, **config: Any) -> Path:
    """As faceswap keeps it: the file and its state; the settings of a model from the start of 2026 where not given."""
    place.mkdir(exist_ok=True)
    path = place / f"{model.name}.keras"
    model.save(path)
    fixed = {"centering": "face", "coverage": 87.5, "vertical_offset": 5, "mask_type": "bisenet-fp_face",
                "penalized_mask_loss": True, "learn_mask": False, "reflect_padding": False, "icnr_init": True,
                "conv_aware_init": False, "optimizer": "adam", **config}
    state = {"name": model.name, "iterations": 1234, "sessions": {}, "config": fixed}
    path.with_name(f"{model.name}_state.json").write_text(json.dumps(state))
    return path


def compare(model: Any, path: Path, model_dir: Path) -> folder.TrainedModel:
    """Import, and hold the pictures of both sides against those that Keras computes."""
    importing.run(ModelImportOptions(file=str(path), model_dir=str(model_dir)), SilentReporter())
    trained = folder.load(model_dir)
    faces = np.random.default_rng(0).random((2, trained.input_size, trained.input_size, 3), np.float32)
    outputs = [made.detach().numpy() for made in flat(model([faces[..., ::-1].copy()] * 2, training=False))]
    for side, half in (("a", outputs[: len(outputs) // 2]), ("b", outputs[len(outputs) // 2:])):
        if trained.settings.learn_mask:
            expected = np.concatenate((half[-2][..., ::-1], half[-1]), axis=-1)
        else:
            expected = half[-1][..., ::-1]
        assert expected.std() > 0.01  # of something that is there to be compared
        np.testing.assert_allclose(trained.predict(faces, side), expected, atol=2e-5)
    return trained


def flat(values: Any) -> list[Any]:
    return [inner for value in values for inner in flat(value)] if isinstance(values, (list, tuple)) else [values]


MODELS: dict[str, tuple[Callable[[ModuleType], Any], dict[str, Any]]] = {
    "dfl-sae df": (lambda k: k.dfl_sae("df"), {"input_size": 64, "autoencoder_dims": 32, "encoder_dims": 21,
                                               "decoder_dims": 10, "multiscale_decoder": True}),
    "dfl-sae liae": (lambda k: k.dfl_sae("liae", mask=True), {
        "input_size": 64, "autoencoder_dims": 32, "encoder_dims": 21, "decoder_dims": 10, "multiscale_decoder": True,
        "architecture": "liae", "learn_mask": True}),
    "unbalanced": (lambda k: k.unbalanced(), {
        "input_size": 64, "nodes": 512, "complexity_encoder": 64, "complexity_decoder_a": 64,
        "complexity_decoder_b": 64}),
    "lightweight": (lambda k: k.lightweight(), {}),
    "original": (lambda k: k.original(), {"lowmem": True}),
    "original reflected": (lambda k: k.original(reflect=True, mask=True), {
        "lowmem": True, "reflect_padding": True, "learn_mask": True}),
    "iae": (lambda k: k.iae(), {}),
    "dfaker": (lambda k: k.dfaker(), {"output_size": 128}),
    "dfl-h128": (lambda k: k.dfl_h128(), {"lowmem": True}),
    "villain": (lambda k: k.villain(), {"lowmem": True}),
    "realface": (lambda k: k.realface(mask=True), {"input_size": 64, "output_size": 64, "dense_nodes": 768,
                                                   "complexity_encoder": 96, "learn_mask": True}),
    "dlight good": (lambda k: k.dlight(), {"features": "lowmem", "output_size": 128, "learn_mask": True}),
    "dlight fast": (lambda k: k.dlight("fast"), {"features": "lowmem", "details": "fast", "output_size": 128,
                                                 "learn_mask": True}),
}


@pytest.mark.parametrize("name", [name if name == "dfl-sae liae" else pytest.param(name, marks=pytest.mark.long)
                                  for name in MODELS])
def test_an_imported_model_computes_what_keras_computes(name: str, fields: ModuleType, tmp_path: Path) -> None:
    make, config = MODELS[name]
    model = make(fields)
    trained = compare(model, save(model, tmp_path / "theirs", **config), tmp_path / "ours")
    assert trained.iterations == 1234
    kept = trained.settings
    assert kept.trainer == name.split()[0]
    assert (kept.centering, kept.coverage, kept.vertical_offset) == ("face", 0.875, 0.05)
    assert kept.mask_type == "bisenet-fp"
    assert kept.icnr_init
    shutil.rmtree(tmp_path)


@pytest.fixture(scope="module")
def theirs(fields: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small model of faceswap's, to be damaged in copies."""
    place = tmp_path_factory.mktemp("theirs")
    make, config = MODELS["dfl-sae df"]
    return save(make(fields), place, **config)


def import_copy(theirs: Path, place: Path, change: Callable[[Path, Path], None]) -> None:
    path, state = place / theirs.name, place / f"{theirs.stem}_state.json"
    shutil.copy(theirs, path)
    shutil.copy(theirs.with_name(state.name), state)
    change(path, state)
    importing.run(ModelImportOptions(file=str(path), model_dir=str(place / "ours")), SilentReporter())


def edited(state: Path, **config: Any) -> None:
    data = json.loads(state.read_text())
    state.write_text(json.dumps({**data, "config": {**data["config"], **config}}))


def rewrite(path: Path, change: Callable[[dict[str, Any]], None] | None = None, cut: int | None = None) -> None:
    """The same file with another graph, or with its weights cut short."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    if change:
        config = json.loads(members["config.json"])
        change(config)
        members["config.json"] = json.dumps(config).encode()
    if cut is not None:
        members["model.weights.h5"] = members["model.weights.h5"][:cut]
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)


def renamed(config: dict[str, Any]) -> None:
    config["config"]["name"] = "phaze_a"


def headless(config: dict[str, Any]) -> None:
    del config["config"]["layers"]


def looped(config: dict[str, Any]) -> None:
    """A layer that feeds itself, and one that is fed by a layer that is not there."""
    network = next(layer for layer in config["config"]["layers"] if layer["class_name"] == "Functional")
    layer = network["config"]["layers"][2]
    layer["inbound_nodes"][0]["args"][0]["config"]["keras_history"][0] = layer["config"]["name"]


@pytest.mark.parametrize(("change", "words"), [
    (lambda path, state: path.unlink(), r"There is no file .*dfl_sae_df\.keras"),
    (lambda path, state: state.unlink(), r"there is no dfl_sae_df_state\.json beside"),
    (lambda path, state: state.write_text("{"), r"dfl_sae_df_state\.json are damaged"),
    (lambda path, state: state.write_text('{"config": 3}'), r"state\.json are damaged"),
    (lambda path, state: path.write_bytes(b"x" * 1000), r"dfl_sae_df\.keras is no \.keras file"),
    (lambda path, state: path.write_bytes(path.read_bytes()[:5000]), r"dfl_sae_df\.keras is no \.keras file"),
    (lambda path, state: rewrite(path, cut=3000), r"dfl_sae_df\.keras is no \.keras file"),
    (lambda path, state: rewrite(path, renamed), "is of the trainer phaze_a, which Understudy does not have"),
    (lambda path, state: rewrite(path, headless), "is no .keras file"),
    (lambda path, state: rewrite(path, looped), "layers with weights, not"),
    (lambda path, state: edited(state, encoder_dims=42), r"has the shapes .*, not"),
    (lambda path, state: edited(state, multiscale_decoder=False), "has 43 layers with weights, not 39"),
    (lambda path, state: edited(state, encoder_dims=4000), "A setting in .*encoder-dims cannot be 4000"),
    (lambda path, state: edited(state, coverage="wide"), "A setting in .* is not understood"),
])
def test_what_cannot_be_imported_is_named_and_leaves_nothing(theirs: Path, tmp_path: Path, words: str,
                                                             change: Callable[[Path, Path], None]) -> None:
    with pytest.raises(ModelError, match=words) as caught:
        import_copy(theirs, tmp_path, change)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "ours").exists()


def outside(path: Path, kind: str) -> None:
    """The bias of a layer lies in another file, which HDF5 would follow to anywhere on the disk."""
    with zipfile.ZipFile(path) as archive:
        data = archive.read("model.weights.h5")
    elsewhere, inside = path.with_name("elsewhere.h5"), path.with_name("inside.h5")
    inside.write_bytes(data)
    name = "layers/functional/layers/conv2d/vars"
    with h5py.File(elsewhere, "w") as file:
        file["secret"] = np.zeros(63, np.float32)
    with h5py.File(inside, "r+") as file:
        del file[f"{name}/1"]
        if kind == "link":
            file[f"{name}/1"] = h5py.ExternalLink(str(elsewhere), "secret")
        elif kind == "raw":
            file.create_dataset(f"{name}/1", (63,), "f4", external=[(str(elsewhere), 0, 63 * 4)])
        else:
            layout = h5py.VirtualLayout((63,), "f4")
            layout[:] = h5py.VirtualSource(str(elsewhere), "secret", (63,))
            file.create_virtual_dataset(f"{name}/1", layout)
    with zipfile.ZipFile(path) as archive:
        config = archive.read("config.json")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", config)
        archive.write(inside, "model.weights.h5")


@pytest.mark.parametrize("kind", ["link", "raw", "virtual"])
def test_weights_in_other_files_are_not_followed(theirs: Path, tmp_path: Path, kind: str) -> None:
    with pytest.raises(ModelError, match=r"points to other files|cannot be read"):
        import_copy(theirs, tmp_path, lambda path, state: outside(path, kind))
    assert not (tmp_path / "ours").exists()


def test_compressed_weights_are_read(theirs: Path, tmp_path: Path) -> None:
    """Repacked by a person, for instance to send it to another one."""
    def pack(path: Path, state: Path) -> None:
        with zipfile.ZipFile(path) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            for name, data in members.items():
                archive.writestr(name, data)

    import_copy(theirs, tmp_path, pack)
    assert folder.read_state(tmp_path / "ours").iterations == 1234


KEYS = ["class_name", "config", "name", "layers", "inbound_nodes", "output_layers", "args", "keras_history"]
WORDS = ["Functional", "Conv2D", "a", "__keras_tensor__", ""]
LEAVES = st.one_of(st.none(), st.integers(-2, 3), st.sampled_from(WORDS))
GRAPHS = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner),
                      max_leaves=30)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(GRAPHS, st.binary(max_size=64))
def test_any_other_content_is_refused_in_one_line(tmp_path: Path, graph: Any, weights: bytes) -> None:
    path = tmp_path / "any.keras"
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        file["layers/conv2d/vars/0"] = np.zeros((2, 2))
    for data in (buffer.getvalue(), weights):
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("config.json", json.dumps(graph))
            archive.writestr("model.weights.h5", data)
        with pytest.raises(ModelError) as caught:
            KerasFile(path)
        assert "\n" not in str(caught.value)


def test_a_model_that_is_there_is_not_overwritten(theirs: Path, tmp_path: Path) -> None:
    import_copy(theirs, tmp_path, lambda path, state: None)
    before = (tmp_path / "ours" / "state.json").read_bytes()
    with pytest.raises(ModelError, match=r"There is a model in .* already"):
        import_copy(theirs, tmp_path, lambda path, state: None)
    assert (tmp_path / "ours" / "state.json").read_bytes() == before


def test_a_state_of_an_older_version_has_its_defaults(theirs: Path, tmp_path: Path) -> None:
    def forget(path: Path, state: Path) -> None:
        data = json.loads(state.read_text())
        for key in ("centering", "coverage", "mask_type", "vertical_offset"):
            del data["config"][key]
        state.write_text(json.dumps(data))

    import_copy(theirs, tmp_path, forget)
    kept = folder.read_state(tmp_path / "ours").settings
    assert (kept.centering, kept.coverage, kept.mask_type) == ("legacy", 0.625, "none")
    assert not kept.penalized_mask_loss
