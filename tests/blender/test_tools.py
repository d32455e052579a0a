"""The tools of a shot under `blender -b`, with the real core: operators, commands, persons and weights."""

from __future__ import annotations

import json
import shutil
import sqlite3
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import bpy
import pytest

FRAMES = 12


@pytest.fixture(scope="module")
def extracted(extension: Any, footage: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a .blend whose strip A was extracted, its faces linked; tests work on copies of it."""
    folder = tmp_path_factory.mktemp("extracted")
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    scene = bpy.context.scene
    scene.render.resolution_x, scene.render.resolution_y, scene.render.fps = 640, 360, 25
    bpy.ops.understudy.shot_add()
    bpy.ops.wm.save_as_mainfile(filepath=str(folder / "shot.blend"))
    editor = scene.sequence_editor_create()
    strips = editor.strips if hasattr(editor, "strips") else editor.sequences
    for role, name in (("a", "two_people"), ("b", "actor_b")):
        film = shutil.copy(footage / f"{name}.mp4", folder)
        strip = strips.new_movie(name=name, filepath=str(film), channel=1, frame_start=1 if role == "a" else 201)
        strip.frame_final_end = strip.frame_final_start + FRAMES
        setattr(scene.understudy.active, f"strip_{role}", strip.name)
    scene.understudy.active.extract.detection_size = 480
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UNDERSTUDY_CONSENT", "1")
        assert bpy.ops.understudy.extract(strip="A") == {"FINISHED"}
        assert bpy.ops.understudy.run_tool(tool="persons link", role="A") == {"FINISHED"}
    shutil.rmtree(folder / "shot_understudy" / "jobs")
    bpy.ops.wm.save_mainfile()
    return folder


@pytest.fixture
def shot(extracted: Path, tmp_path: Path, core_python: Path, consent: None, extension: Any) -> SimpleNamespace:
    """A copy of the extracted shot, open."""
    folder = Path(shutil.copytree(extracted, tmp_path / "copy"))
    bpy.ops.wm.open_mainfile(filepath=str(folder / "shot.blend"))
    scene = bpy.context.scene
    for strip in scene.sequence_editor.strips_all if hasattr(scene.sequence_editor, "strips_all") \
            else scene.sequence_editor.sequences_all:
        strip.filepath = str(folder / Path(strip.filepath).name)
    bpy.ops.wm.save_mainfile()
    return SimpleNamespace(folder=folder, scene=scene, data=scene.understudy.active,
                           board=extension("addon.watch").look, sync=extension("addon.people").sync,
                           store=folder / "two_people_alignments.db")


def people(store: Path) -> dict[str, int]:
    """name -> number of faces, as the store has them."""
    with sqlite3.connect(store) as connection:
        return dict(connection.execute("SELECT name, count(*) FROM face JOIN person ON person.id = face.person "
                                       "WHERE state != 'removed' GROUP BY name ORDER BY 2 DESC"))


def listed(shot: SimpleNamespace) -> Any:
    """The rows of the list of persons, brought up to date."""
    shot.sync(shot.board())
    return bpy.context.window_manager.understudy_people.rows


def test_a_tool_runs_on_its_strip(shot: SimpleNamespace, capfd: Any) -> None:
    shot.data.tools.persons_link.least_faces = 2
    assert bpy.ops.understudy.run_tool(tool="persons link", role="A") == {"FINISHED"}
    rows = listed(shot)
    assert len(rows) >= 2
    assert {row.name: row.faces for row in rows} == people(shot.store)
    printed = capfd.readouterr().out
    assert all(row.name in printed for row in rows)
    job = shot.board().latest("persons link")
    assert (job.status, job.tag["role"]) == ("finished", "a")
    assert Path(job.options["source"]) == shot.folder / "two_people.mp4"
    assert Path(job.options["alignments"]) == shot.store


def test_a_tool_runs_on_a_further_source(shot: SimpleNamespace, extension: Any, capfd: Any) -> None:
    """Named by a script, on the command line, or chosen in the panel; persons are then that strip's."""
    other = Path(shutil.copy(shot.folder / "two_people.mp4", shot.folder / "again.mp4"))
    store = Path(shutil.copy(shot.store, shot.folder / "again_alignments.db"))
    editor = shot.scene.sequence_editor
    strips = editor.strips if hasattr(editor, "strips") else editor.sequences
    strip = strips.new_movie(name="again", filepath=str(other), channel=2, frame_start=1)
    shot.data.sources_a.add().strip = strip.name
    assert bpy.ops.understudy.run_tool(tool="persons link", role="A", clip="again") == {"FINISHED"}
    job = shot.board().latest("persons link")
    assert (Path(job.options["source"]), job.label) == (other, "Link Faces, again")
    assert Path(job.options["alignments"]) == store
    main = extension("addon.cli").main
    bpy.ops.wm.save_mainfile()
    assert main(["persons", "name", "--strip", "again", "--person", "Person 1", "--name", "Anna"]) == 0
    assert "Anna" in people(store)
    assert "Anna" not in people(shot.store)
    assert "Anna" not in {row.name for row in listed(shot)}
    shot.data.tool_strip = strip.understudy_id
    assert "Anna" in {row.name for row in listed(shot)}
    with pytest.raises(RuntimeError, match=r"Side A has no strip 'elsewhere'\. Its strips: two_people, again"):
        bpy.ops.understudy.run_tool(tool="persons link", role="A", clip="elsewhere")


# Those whose options all have a value to begin with.
READY = ("sort", "mask add", "alignments multi-faces", "alignments temporal", "constant-rate")


@pytest.mark.parametrize("tool", READY)
def test_tools_of_every_family_run_as_they_are(shot: SimpleNamespace, tool: str) -> None:
    run_as_it_is(shot, tool)


@pytest.mark.long
def test_every_tool_that_can_runs_as_it_is(shot: SimpleNamespace, extension: Any) -> None:
    properties = extension("addon.properties")
    ran = []
    for name, task in properties.TOOLS.items():
        options = list(properties.options_of(task.options))
        lacking = [o.name for o in options if o.declaration.required and properties.shown(o) and not o.default]
        # The first want faces or names chosen, the second a model, the last the faces of both strips.
        is_apart = name in ("weights fetch", "persons assign", "faces compare")
        if lacking or is_apart or extension("addon.tools").needs_model(task):
            continue
        run_as_it_is(shot, name)
        ran.append(name)
    assert set(READY) < set(ran)


def run_as_it_is(shot: SimpleNamespace, tool: str) -> None:
    """Run a tool with its defaults; a dry run where it has one."""
    settings = getattr(shot.data.tools, tool.replace(" ", "_").replace("-", "_"))
    if hasattr(settings, "dry_run"):
        settings.dry_run = True
    assert bpy.ops.understudy.run_tool(tool=tool, role="A") == {"FINISHED"}
    assert shot.board().latest(tool).status == "finished"


def test_faces_of_both_strips_are_compared(shot: SimpleNamespace, extension: Any, capfd: Any) -> None:
    folder = extension("addon.shot").faces_folder
    with pytest.raises(RuntimeError, match="There is no faces folder"):
        bpy.ops.understudy.run_tool(tool="faces compare")
    shutil.copytree(folder(shot.scene, "a"), folder(shot.scene, "b"))
    assert bpy.ops.understudy.run_tool(tool="faces compare") == {"FINISHED"}
    assert "B looks wherever A does" in capfd.readouterr().out
    job = shot.board().latest("faces compare")
    assert (job.status, job.tag["show"]) == ("finished", True)
    assert Path(job.result["file"]).parent == folder(shot.scene, "b").parent
    assert Path(job.result["file"]).read_bytes().startswith(b"\x89PNG")


def make_model(place: Path, iterations: int) -> None:
    """A model folder as far as copying it goes: its weights are never read as such."""
    place.mkdir(parents=True)
    for name in ("model", "optimizer"):
        (place / f"{name}.1.safetensors").write_bytes(f"{name} of {iterations}".encode())
    state = {"schema": 2, "settings": {"trainer": "sketch"}, "input_size": 64, "output_size": 64, "save": 1,
             "iterations": iterations, "sessions": []}
    (place / "state.json").write_text(json.dumps(state))


def test_a_model_is_restored_where_the_shot_has_it(shot: SimpleNamespace, extension: Any, capfd: Any) -> None:
    model = extension("addon.shot").model_folder(shot.scene)
    make_model(model, 300)
    make_model(model / "backup", 250)
    assert bpy.ops.understudy.run_tool(tool="restore", role="A") == {"FINISHED"}
    assert "250 iterations" in capfd.readouterr().out
    job = shot.board().latest("restore")
    assert Path(job.options["model_dir"]) == model
    assert json.loads((model / "state.json").read_text())["iterations"] == 300
    shot.data.tools.restore.backup = True
    assert bpy.ops.understudy.run_tool(tool="restore", role="A") == {"FINISHED"}
    assert json.loads((model / "state.json").read_text())["iterations"] == 250
    assert [path.read_bytes() for path in model.glob("model.*")] == [b"model of 250"]
    (archive,) = model.parent.glob("*_archived_*")
    assert [path.read_bytes() for path in archive.glob("model.*")] == [b"model of 300"]


def test_what_changes_things_says_so_before(extension: Any) -> None:
    tools, tasks = extension("addon.tools"), extension("addon.properties").TOOLS
    make = {name: task.options for name, task in tasks.items()}
    assert tools.changes(tasks["sort"], make["sort"]())
    assert not tools.changes(tasks["sort"], make["sort"](dry_run=True))
    assert not tools.changes(tasks["alignments multi-faces"], make["alignments multi-faces"]())
    assert tools.changes(tasks["alignments multi-faces"], make["alignments multi-faces"](action="move"))
    assert not tools.changes(tasks["persons list"], make["persons list"]())
    assert "backed up" in tools.warning(tasks["sort"])


def test_the_chosen_tool_is_the_one_that_runs(shot: SimpleNamespace) -> None:
    shot.data.tool, shot.data.tool_role = "persons list", "a"
    assert bpy.ops.understudy.run_chosen_tool() == {"FINISHED"}
    assert shot.board().latest("persons list").status == "finished"


def test_a_name_typed_into_the_list_goes_to_the_store(shot: SimpleNamespace) -> None:
    rows = listed(shot)
    faces = rows[0].faces
    rows[0].name = "Anna"
    assert people(shot.store)["Anna"] == faces
    assert listed(shot)[0].name == "Anna"


@pytest.mark.parametrize("name", ["", "  ", "somebody else's"])
def test_a_name_that_cannot_be_is_taken_back(shot: SimpleNamespace, name: str, capfd: Any) -> None:
    rows = listed(shot)
    before, other = rows[0].name, rows[1].name
    rows[0].name = other if name else name
    assert listed(shot)[0].name == before
    assert before in people(shot.store)
    assert "Understudy: " in capfd.readouterr().out


def test_marked_persons_become_one(shot: SimpleNamespace) -> None:
    rows = listed(shot)
    together = rows[0].faces + rows[1].faces
    name = rows[0].name
    with pytest.raises(RuntimeError, match="Mark two or more"):
        bpy.ops.understudy.persons_merge()
    rows[0].marked = rows[1].marked = True
    assert bpy.ops.understudy.persons_merge() == {"FINISHED"}
    assert people(shot.store)[name] == together
    assert not any(row.marked for row in listed(shot))


def test_the_chosen_person_is_split(shot: SimpleNamespace) -> None:
    rows = listed(shot)
    rows[0].marked = rows[1].marked = True
    bpy.ops.understudy.persons_merge()
    rows = listed(shot)
    before, faces = len(rows), rows[0].faces
    bpy.context.window_manager.understudy_people.index = 0
    assert bpy.ops.understudy.persons_split() == {"FINISHED"}
    assert len(listed(shot)) == before + 1
    assert sum(people(shot.store).values()) >= faces


def test_persons_are_suggested_where_names_are_wanted(shot: SimpleNamespace, extension: Any) -> None:
    rows = listed(shot)
    assert extension("addon.people").names(bpy.context) == [row.name for row in rows]


@pytest.mark.parametrize(("change", "words"), [
    (lambda shot: setattr(shot.data, "strip_a_id", ""), "Choose strip A first"),
    (lambda shot: shot.store.unlink(), "Extract the faces of A first"),
    (lambda shot: setattr(shot.data, "tool", "persons name"), "Fill in Person first"),
])
def test_why_a_tool_cannot_run(shot: SimpleNamespace, change: Any, words: str) -> None:
    shot.data.tool, shot.data.tool_role = "persons list", "a"
    change(shot)
    with pytest.raises(RuntimeError, match=words):
        bpy.ops.understudy.run_chosen_tool()
    with pytest.raises(RuntimeError, match=words):
        bpy.ops.understudy.run_tool()


def test_an_unknown_tool(shot: SimpleNamespace) -> None:
    with pytest.raises(RuntimeError, match=r"There is no tool 'persons lnk'\. Known: "):
        bpy.ops.understudy.run_tool(tool="persons lnk")


def test_a_tool_that_the_disk_has_no_room_for_does_not_start(shot: SimpleNamespace,
                                                             monkeypatch: pytest.MonkeyPatch) -> None:
    shot.data.tools.mask_output.output = str(shot.folder / "masks")
    monkeypatch.setattr(shutil, "disk_usage", lambda place: SimpleNamespace(free=1000, total=2, used=1))
    with pytest.raises(RuntimeError, match=r"Output Masks.* will need about .*Clean Up"):
        bpy.ops.understudy.run_tool(tool="mask output", role="A")
    assert not (shot.folder / "masks").exists()
    assert shot.board().latest("mask output") is None


def test_without_consent_nothing_starts(shot: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("UNDERSTUDY_CONSENT")
    with pytest.raises(RuntimeError, match="UNDERSTUDY_CONSENT=1"):
        bpy.ops.understudy.run_tool(tool="persons link", role="A")
    assert shot.board().latest("persons link") is None


# --- the command line -------------------------------------------------------------------------------------------


def test_a_tool_as_a_command(extension: Any, shot: SimpleNamespace, capfd: Any) -> None:
    main = extension("addon.cli").main
    assert main(["persons", "link", "--strip", "a", "--least-faces", "2"]) == 0
    assert people(shot.store)
    assert main(["persons", "name", "--person", "Person 1", "--name", "Anna"]) == 0
    assert "Anna" in people(shot.store)
    assert main(["persons", "name", "--person", "nobody", "--name", "Ben"]) == 1
    assert "Nobody in " in capfd.readouterr().err


def test_a_source_means_the_cores_own_command_line(extension: Any, shot: SimpleNamespace) -> None:
    command = extension("addon.cli").shot_command
    assert command(["persons", "list"]) is not None
    assert command(["persons", "list", str(shot.folder / "two_people.mp4")]) is None
    assert command(["persons", "list", "--alignments", str(shot.store)]) is None
    assert command(["weights", "fetch", "yunet"]) is None
    assert command(["persons", "--help"]) is None


# --- weights ----------------------------------------------------------------------------------------------------


def test_weights_are_imported_and_seen(shot: SimpleNamespace, weights: Path, extension: Any, tmp_path: Path,
                                       monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNDERSTUDY_HOME", str(tmp_path / "home"))  # weights and their jobs are no shot's
    shot.data.tools.weights_import.file = str(weights / "face_detection_yunet_2023mar.onnx")
    assert bpy.ops.understudy.run_tool(tool="weights import") == {"FINISHED"}
    assert "yunet" in shot.board().weights
    assert bpy.ops.understudy.run_tool(tool="weights verify") == {"FINISHED"}


def test_fetching_needs_online_access(shot: SimpleNamespace, extension: Any, capfd: Any) -> None:
    if bpy.app.online_access:
        pytest.skip("this Blender allows online access")
    with pytest.raises(RuntimeError, match="Turn on Allow Online Access"):
        bpy.ops.understudy.fetch_weights(names="s3fd")
    shot.data.tools.weights_fetch.names = "s3fd"
    with pytest.raises(RuntimeError, match="Turn on Allow Online Access"):
        bpy.ops.understudy.run_tool(tool="weights fetch")
    assert extension("addon.cli").main(["weights", "fetch", "s3fd"]) == 1
    assert "needs the internet" in capfd.readouterr().err


def test_extraction_waits_for_its_weights(shot: SimpleNamespace) -> None:
    shot.data.extract.aligner = "fan"
    with pytest.raises(RuntimeError, match="Fetch or import the weights first: fan-2d4"):
        bpy.ops.understudy.extract(strip="A")
    shot.data.extract.aligner = "dlib"
    shot.data.extract.masker = {"bisenet-fp"}
    shot.data.extract.bisenet_weights = "original"
    with pytest.raises(RuntimeError, match="weights first: bisenet-original"):
        bpy.ops.understudy.extract(strip="A")


# --- what extraction will read ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("settings", "said"), [
    ({}, "A: every frame, about 12 faces of each person to expect"),
    ({"purpose": "training"}, "A: every 12th frame, about 1 face of each person to expect"),
    ({"every": 5}, "A: every 5th frame, about 3 faces of each person to expect"),
    ({"frames": "0-5,9"}, "A: every frame, about 7 faces of each person to expect"),
    ({"frames": "5000"}, "A: "),
])
def test_how_many_faces_to_expect(shot: SimpleNamespace, extension: Any, settings: dict, said: str) -> None:
    for name, value in settings.items():
        setattr(shot.data.extract, name, value)
    told = extension("addon.expectation").expectation(shot.scene, "a", shot.board())
    assert told.startswith(said)
    if said == "A: ":
        assert "5000" in told
