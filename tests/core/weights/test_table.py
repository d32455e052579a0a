"""The table of weights, where they lie, importing and verifying."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import zipfile

import pytest

from understudy.core.errors import OutputError, UsageError, WeightsError
from understudy.core.jobs.messages import SilentReporter
from understudy.core.options import options_of
from understudy.core.options.mask import MaskAddOptions
from understudy.core.options.weights import WeightsImportOptions, WeightsListOptions, WeightsVerifyOptions
from understudy.core.weights import files, needs, page, placing, rows, task
from understudy.core.weights.rows import WEIGHTS


def import_(path, **options):
    return task.import_(WeightsImportOptions(file=str(path), **options), SilentReporter())


def verify(*names, reporter=None):
    return task.verify(WeightsVerifyOptions(names=names), reporter or SilentReporter())


# --- the table itself -------------------------------------------------------------------------------------------


def test_names_and_files_are_told_apart():
    assert len({row.name for row in WEIGHTS}) == len(WEIGHTS)
    assert len({row.file for row in WEIGHTS}) == len(WEIGHTS)


@pytest.mark.parametrize("row", WEIGHTS, ids=lambda row: row.name)
def test_each_row_says_what_it_has_to(row):
    assert row.task in ("detection", "alignment", "mask", "identity")
    assert row.commercial in ("yes", "no", "unknown")
    assert row.origin
    assert row.licence
    assert row.sha256 == row.sha256.lower()
    assert len(row.sha256) in (0, *range(8, 65))
    int(row.sha256 or "0", 16)
    assert row.address.startswith("https://") or row.is_embedded or row.is_own
    assert not (row.is_embedded and row.address)
    assert not row.member or row.address.endswith(".zip")


def test_what_the_person_brings_has_no_address():
    assert [row.name for row in WEIGHTS if row.is_own] == ["mobilefacenet"]
    assert not [row for row in WEIGHTS if "mobilefacenet" in row.address.lower()]


def test_landmarks_trained_on_ibug_say_that_commerce_is_excluded():
    for name in ("dlib-68", "fan-2d4"):
        row = rows.find(name)
        assert row.commercial == "no"
        assert "iBUG 300-W" in row.remark


def test_whoever_needs_weights_names_rows_that_exist():
    for user in needs.users():
        for name in user.weights:
            rows.find(name)


@pytest.mark.parametrize(("values", "wanted"), [
    ({}, "bisenet-face"), ({"bisenet_hair": True}, "bisenet-hair"), ({"bisenet_weights": "original"},
                                                                     "bisenet-original")])
def test_the_options_of_bisenet_choose_its_weights(values, wanted):
    assert needs.of_values(MaskAddOptions, {"masker": ("bisenet-fp",), **values}) == {wanted}
    told = [option.declaration.help for option in options_of(MaskAddOptions)]
    assert any(wanted in text for text in told)


def test_the_embedded_files_are_those_of_the_table():
    """Their hashes and sizes, read from the wheel that is installed here."""
    for row in WEIGHTS:
        if row.is_embedded:
            assert placing.check(files.weights_file(row.name), row) == row.sha256


def test_the_real_files_are_those_of_the_table(installed_weights):
    here = {row.name for row in WEIGHTS if not row.is_embedded and files.is_present(row.name)}
    assert here >= {"yunet", "blazeface-front", "blazeface-back", "retinaface-mobilenet", "mobilefacenet"}
    assert set(verify()["verified"]) >= here


def test_the_docs_page_is_true():
    assert page.PAGE.read_text(encoding="utf-8") == page.page(), "run: make reference"


# --- where they lie ---------------------------------------------------------------------------------------------


def test_missing_weights_say_how_to_get_them(table, weights_row):
    row = weights_row(address="https://example.org/tiny.pth", size=1_500_000)
    table(row)
    assert not files.is_present("tiny")
    assert files.missing(("tiny",)) == ("tiny",)
    with pytest.raises(WeightsError) as caught:
        files.weights_file("tiny")
    for part in ("tiny.pth", "1.5 MB", "understudy weights fetch tiny", "understudy weights import FILE"):
        assert part in str(caught.value)


def test_weights_of_another_size_are_damaged(table, weights_row):
    table(weights_row(address="https://example.org/tiny.pth", size=10))
    files.folder().mkdir(parents=True)
    (files.folder() / "tiny.pth").write_bytes(b"123")
    assert not files.is_present("tiny")
    with pytest.raises(WeightsError, match="has 3 bytes instead of 10"):
        files.weights_file("tiny")


def test_a_package_that_is_not_installed(table, weights_row):
    table(weights_row("inside", package="no_such_package"))
    with pytest.raises(WeightsError, match="no_such_package, which brings inside, is not installed"):
        files.weights_file("inside")


def test_an_unknown_name():
    with pytest.raises(UsageError, match="Did you mean yunet"):
        files.weights_file("yunett")


# --- importing --------------------------------------------------------------------------------------------------


@pytest.fixture
def published(table, weights_row):
    """Two rows: one with the hash of b"published", one without any."""
    made = (weights_row("known", "known.pth", address="https://example.org/known.pth", size=9,
                        sha256=hashlib.sha256(b"published").hexdigest()),
            weights_row("unknown", "unknown.pth", address="https://example.org/unknown.pth"),
            weights_row("packed", "packed.pt", address="https://example.org/packed.zip", member="packed.pt"))
    table(*made)
    return made


def write(path, content):
    path.write_bytes(content)
    return path


def test_a_hash_tells_what_a_file_is_whatever_its_name(published, tmp_path):
    assert import_(write(tmp_path / "download (1).bin", b"published"))["imported"] == ["known"]
    assert files.weights_file("known").read_bytes() == b"published"


def test_the_first_figures_of_a_hash_do(table, weights_row, tmp_path):
    digest = hashlib.sha256(b"content").hexdigest()
    table(weights_row("hub", f"hub-{digest[:10]}.pth", sha256=digest[:10]))
    assert import_(write(tmp_path / "x", b"content"))["imported"] == ["hub"]
    assert placing.recorded(rows.find("hub")) == ""


def test_a_name_tells_where_no_hash_is_published(published, tmp_path):
    assert import_(write(tmp_path / "unknown.pth", b"whatever"))["imported"] == ["unknown"]
    assert placing.recorded(published[1]) == hashlib.sha256(b"whatever").hexdigest()


def test_an_archive_as_published(published, tmp_path):
    with zipfile.ZipFile(tmp_path / "some name.zip", "w") as archive:
        archive.writestr("folder/packed.pt", b"inside")
    assert import_(tmp_path / "some name.zip")["imported"] == ["packed"]
    assert files.weights_file("packed").read_bytes() == b"inside"


def test_a_folder_of_everything(published, tmp_path):
    place = tmp_path / "stick"
    place.mkdir()
    write(place / "renamed", b"published")
    write(place / "unknown.pth", b"whatever")
    write(place / "holiday.jpg", b"no weights")
    assert sorted(import_(place)["imported"]) == ["known", "unknown"]


def test_a_file_of_ones_own(table, weights_row, tmp_path):
    table(weights_row("own", "own.ckpt"))
    mine = write(tmp_path / "mine_068.ckpt", b"my weights")
    with pytest.raises(WeightsError, match=r"none of the weights that Understudy knows.*--name"):
        import_(mine)
    assert import_(mine, name="own")["imported"] == ["own"]
    other = write(tmp_path / "mine_069.ckpt", b"better ones")
    with pytest.raises(WeightsError, match="--replace"):
        import_(other, name="own")
    assert files.weights_file("own").read_bytes() == b"my weights"
    import_(other, name="own", replace=True)
    assert files.weights_file("own").read_bytes() == b"better ones"
    assert verify("own")["verified"] == ["own"]


def test_a_forged_file_is_refused_even_by_name(published, tmp_path):
    import_(write(tmp_path / "good", b"published"))
    for content, words in ((b"forged!!!", "the published one is"), (b"short", "5 bytes instead of 9")):
        with pytest.raises(WeightsError, match=words) as caught:
            import_(write(tmp_path / "known.pth", content))
        assert str(tmp_path / "known.pth") in str(caught.value)
        with pytest.raises(WeightsError, match=words):
            import_(tmp_path / "known.pth", name="known", replace=True)
    assert files.weights_file("known").read_bytes() == b"published"
    assert sorted(p.name for p in files.folder().iterdir()) == ["known.pth"]


@pytest.mark.parametrize(("given", "error", "words"), [
    ("missing.pth", WeightsError, "There is no "), ("empty", WeightsError, "no weights that Understudy knows"),
])
def test_nothing_to_import(published, tmp_path, given, error, words):
    (tmp_path / "empty").mkdir()
    with pytest.raises(error, match=words):
        import_(tmp_path / given)
    with pytest.raises(UsageError, match="is a folder"):
        import_(tmp_path / "empty", name="known")


def test_embedded_ones_are_not_imported(table, weights_row, tmp_path):
    table(weights_row("inside", package="face_recognition_models"))
    with pytest.raises(WeightsError, match="comes with the package face_recognition_models"):
        import_(write(tmp_path / "x", b"x"), name="inside")


def test_a_place_that_cannot_be_written(published, tmp_path):
    files.folder().parent.mkdir(parents=True)
    write(files.folder(), b"a file where the folder should be")
    with pytest.raises(OutputError):
        import_(write(tmp_path / "x", b"published"))


# --- verifying --------------------------------------------------------------------------------------------------


class Warnings(SilentReporter):
    def __init__(self):
        self.said = []

    def warning(self, message, detail=""):
        self.said.append(message)


def test_damage_is_found_and_named(published, tmp_path):
    import_(write(tmp_path / "x", b"published"))
    import_(write(tmp_path / "unknown.pth", b"whatever"))
    assert verify() == {"verified": ["known", "unknown"], "missing": ["packed"],
                        "text": "As they should be: known, unknown"}
    files.path_of(published[0]).write_bytes(b"publisheD")
    files.path_of(published[1]).write_bytes(b"whatsoever")
    reporter = Warnings()
    with pytest.raises(WeightsError, match="Damaged weights: known, unknown"):
        verify(reporter=reporter)
    assert len(reporter.said) == 2


def test_a_damaged_record_is_no_traceback(published, tmp_path):
    import_(write(tmp_path / "unknown.pth", b"whatever"))
    (files.folder() / placing.RECORD).write_text("{ torn")
    assert placing.recorded(published[1]) == ""
    import_(tmp_path / "unknown.pth")
    assert json.loads((files.folder() / placing.RECORD).read_text()) == {
        "unknown.pth": hashlib.sha256(b"whatever").hexdigest()}


# --- the command line -------------------------------------------------------------------------------------------


def cli(*arguments, home):
    return subprocess.run([sys.executable, "-m", "understudy.core", "weights", *arguments], capture_output=True,
                          text=True, check=False, env={"PATH": "", "UNDERSTUDY_HOME": str(home), "COLUMNS": "200"})


def test_the_list_goes_to_the_standard_output(tmp_path):
    done = cli("list", home=tmp_path)
    assert done.returncode == 0
    assert [line.split()[0] for line in done.stdout.splitlines()[1:]] == [row.name for row in WEIGHTS]
    listed = task.list_(WeightsListOptions(missing=True), SilentReporter())
    assert {row["name"] for row in listed["rows"]} <= {row.name for row in WEIGHTS if not row.is_embedded}


def test_import_then_verify_then_damage(weights, tmp_path):
    file = shutil.copy(weights / "face_detection_yunet_2023mar.onnx", tmp_path / "yunet.bin")
    assert cli("import", str(file), home=tmp_path / "home").returncode == 0
    assert "yunet" in cli("verify", "yunet", home=tmp_path / "home").stdout
    placed = tmp_path / "home" / "data" / "weights" / "face_detection_yunet_2023mar.onnx"
    content = bytearray(placed.read_bytes())
    content[1000] ^= 1
    placed.write_bytes(content)
    done = cli("verify", home=tmp_path / "home")
    assert done.returncode == 1
    assert "Damaged weights: yunet" in done.stderr
    assert "Traceback" not in done.stderr
