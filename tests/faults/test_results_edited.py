"""Results after what people do to files: each command names the file; `run` and `compare` make it
again, all others refuse it, and nothing that concerns another machine stops.

The oracle is the result as it was written.
"""

import json
import os
import shutil
from pathlib import Path

import made_results
import pytest
from made_results import stored
from slow_cases import slow_but_every

from archsim.cli.main import main
from archsim.formats.errors import InputError
from archsim.formats.sealed import checksum, sealed
from archsim.results.store import read_result, save
from archsim.runs.folder_index import listing

FILE = Path("results/tiny_sd/diannao.json")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with a result, and the cache that made it."""
    folder = tmp_path_factory.mktemp("made")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("ARCHSIM_CACHE", str(folder / "cache"))
        assert run("diannao") == 0
        assert run("scnn", out="elsewhere") == 0  # for the cache
    return folder


@pytest.fixture
def folder(made, tmp_path, monkeypatch):
    shutil.copytree(made / "results", tmp_path / "results")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ARCHSIM_CACHE", str(made / "cache"))
    return tmp_path


def run(machine, command="run", out="results"):
    return main([command, "-w", "tiny_sd", "-a", machine, "-j", "1", "-q", "--no-figures",
                 "--out", out])  # fmt: skip


def data_edit(change):
    """Edit values as an editor does, which leaves the checksum."""

    def edit(path):
        data = json.loads(path.read_text())
        change(data)
        path.write_text(json.dumps(data, indent=1))

    return edit


def text_edit(old, new):
    def edit(path):
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new, 1))

    return edit


def bytes_edit(change):
    return lambda path: path.write_bytes(change(path.read_bytes()))


def resealed(change):
    """Edit values, and the checksum as well: only types and ranges can tell."""

    def edit(path):
        data = json.loads(path.read_text())
        change(data)
        path.write_bytes(sealed(data))

    return edit


def put(value, *place):
    def change(data):
        *owners, last = place
        for key in owners:
            data = data[key]
        data[last] = value

    return change


def folder_in_its_place(path):
    path.unlink()
    path.mkdir()
    (path / "note.txt").write_text("mine")


def pipe_in_its_place(path):
    path.unlink()
    os.mkfifo(path)  # a writer, too, would wait for ever


def link_to_nowhere(path):
    path.unlink()
    path.symlink_to("nowhere")


LAYER = ("layers", 0)
DEEP = b'{"archsim": ' + b"[" * 200_000 + b"]" * 200_000 + b"}"
EDITS = {
    "a digit": data_edit(put(12345, "totals", "cycles")),
    "a digit of a layer": data_edit(put(5, *LAYER, "macs")),
    "a digit that no number follows from": data_edit(put(65, "arch_resolved", "components", "dram",
                                                        "bytes_per_cycle")),
    "a note": data_edit(put([], "notes")),
    "a name": data_edit(put("Better", "arch")),
    "a number as text": data_edit(put("12", *LAYER, "cycles")),
    "a fraction": data_edit(put(1.5, *LAYER, "cycles")),
    "true": data_edit(put(True, *LAYER, "macs_done")),
    "null": data_edit(put(None, *LAYER, "energy_by")),
    "a list for an object": data_edit(put([], "totals")),
    "text for a list": data_edit(put("abc", "layers")),
    "a number for a layer": data_edit(put(3, *LAYER)),
    "no layers at all": data_edit(lambda data: data.pop("layers")),
    "no mark": data_edit(lambda data: data.pop("archsim")),
    "no checksum": data_edit(lambda data: data.pop("checksum")),
    "another key": data_edit(put(1, *LAYER, "mine")),
    "layers in another order": data_edit(lambda data: data["layers"].reverse()),
    "a key twice": text_edit('"mode": ', '"mode": "measured",\n "mode": '),
    "NaN": text_edit('"clock_mhz": 1000', '"clock_mhz": NaN'),
    "infinity": text_edit('"clock_mhz": 1000', '"clock_mhz": 1e999'),
    "many digits": text_edit('"clock_mhz": 1000', '"clock_mhz": 1' + "0" * 5000),
    "half a character": text_edit('"arch": "', '"arch": "\\ud800'),
    "sealed: a number as text": resealed(put("12", *LAYER, "cycles")),
    "sealed: below zero": resealed(put(-1, *LAYER, "dram_bytes_by", "input")),
    "sealed: no such mode": resealed(put("guessed", "mode")),
    "sealed: no such kind": resealed(put("magic", "kinds", "dram")),
    "sealed: no clock": resealed(put(0, "clock_mhz")),
    "sealed: no samples": resealed(put(0, "batch")),
    "an empty object": bytes_edit(lambda _: b"{}"),
    "an empty list": bytes_edit(lambda _: b"[]"),
    "null alone": bytes_edit(lambda _: b"null\n"),
    "nothing": bytes_edit(lambda _: b""),
    "zeros": bytes_edit(lambda content: bytes(len(content))),
    "cut short": bytes_edit(lambda content: content[: len(content) // 2]),
    "in a list": bytes_edit(lambda content: b"[" + content + b"]"),
    "twice": bytes_edit(lambda content: content + content),
    "a merge conflict": text_edit('"clock_mhz": 1000', '\n<<<<<<< HEAD\n "clock_mhz": 1000,\n'
                                  '=======\n "clock_mhz": 1\n>>>>>>> b\n'),
    "UTF-16": bytes_edit(lambda content: content.decode().encode("utf-16")),
    "Latin-1": text_edit('"arch": "', '"arch": "\udce4'),
    "deep": bytes_edit(lambda _: DEEP),
    "a folder": folder_in_its_place,
    "a link to nowhere": link_to_nowhere,
    "a pipe": pipe_in_its_place,
}  # fmt: skip
HARMLESS = {
    "CR LF": bytes_edit(lambda content: content.replace(b"\n", b"\r\n")),
    "a mark at the start": bytes_edit(lambda content: b"\xef\xbb\xbf" + content),
    "one line": bytes_edit(lambda content: json.dumps(json.loads(content)).encode()),
    "escapes": bytes_edit(lambda content: content.replace(b"DianNao", b"Dian\\u004eao")),
}


def edited(name):
    if name == "Latin-1":
        FILE.write_bytes(FILE.read_bytes().replace(b'"arch": "', b'"arch": "\xe4'))
    else:
        {**EDITS, **HARMLESS}[name](FILE)


@pytest.mark.parametrize("name", slow_but_every(3, EDITS))
def test_an_edited_result_is_named_by_every_command_and_made_again(name, folder, capsys):
    whole = FILE.read_bytes()
    edited(name)
    reading = ["plot"], ["explain", str(FILE), "scnn"], ["report"], ["diff", str(FILE), str(FILE)]
    for command in reading:
        assert main(command) == 2
        assert str(FILE) in (said := capsys.readouterr().err)
        assert "internal error" not in said
    assert run("scnn") == 0  # another machine of the same folder
    assert f"left out of summary and figures: {FILE}" in capsys.readouterr().err
    for command in ("run", "compare"):
        assert run("diannao", command) == 0
        assert str(FILE) in capsys.readouterr().err
        assert FILE.read_bytes() == whole
        edited(name)


@pytest.mark.parametrize("name", HARMLESS)
def test_what_changes_no_content_is_no_damage(name, folder, capsys):
    edited(name)
    before = FILE.read_bytes()
    assert run("diannao") == 0
    assert capsys.readouterr().err == ""
    assert FILE.read_bytes() == before
    assert listed() == (["diannao"], [])


def test_what_stood_in_the_way_is_kept_under_another_name(folder, capsys):
    edited("a folder")
    assert run("diannao") == 0
    assert (FILE.with_name("diannao.json.damaged") / "note.txt").read_text() == "mine"


def test_a_changed_digit_is_told_with_the_total_that_it_contradicts(folder, capsys):
    data_edit(put(5, *LAYER, "macs"))(FILE)
    assert main(["plot"]) == 2
    said = capsys.readouterr().err
    assert "was changed after it was written" in said
    assert "totals.macs" in said


def listed():
    """What `plot` shows of the folder, and what it refuses."""
    found = listing(Path("results"), None)
    return [each.stem for each in found.results], [*found.problems]


def test_files_of_other_programs_are_no_results(folder):
    Path("results/tiny_sd/other.json").write_text('{"figure": 3}')
    Path("results/tiny_sd/list.json").write_text("[1, 2]")
    assert listed() == (["diannao"], [])


def test_the_checksum_is_of_the_values_in_their_order():
    """Written by hand: equal however the text is set, and another for another type or order."""
    one = checksum({"a": 1, "b": 2})
    assert one == checksum(json.loads('{ "a" : 1,\r\n"b":2 }'))
    assert len({one, checksum({"b": 2, "a": 1}), checksum({"a": 1.0, "b": 2})}) == 3
    assert checksum({"a": 1, "seconds": 2.5}, ["seconds"]) == checksum({"a": 1})


def take(*place):
    """Take a key out."""

    def change(data):
        *owners, last = place
        for key in owners:
            data = data[key]
        del data[last]

    return change


ARCH = "arch_resolved"
WRONG_MACHINES = {
    "components in a list": (put([], ARCH, "components"), "components"),
    "a component without a class": (take(ARCH, "components", "dram", "class"), "dram.class"),
    "a number for a component": (put(3, ARCH, "components", "dram"), "components.dram"),
    "no flows": (take(ARCH, "flows"), "flows"),
    "a number for a role": (put(2821.2, ARCH, "flows", "input", "role"), "flows.input.role"),
    "no such role": (put("dram", ARCH, "flows", "input", "role"), "flows.input.role"),
    "a path of numbers": (put([1], ARCH, "flows", "input", "path"), "flows.input.path"),
    "a buffer that no flow passes": (put([], ARCH, "flows", "input", "path"), "input_gb"),
    "a kind of no component": (put("array", "kinds", "ghost"), "kinds"),
    "a component without a kind": (take("kinds", "nfu"), "kinds"),
    "energy of no component": (put(1.0, *LAYER, "energy_by", "ghost"), "ghost"),
    "prices in a list": (put([], "prices", "components"), "components"),
    "a price below zero": (put({"dram": {"read": -1}}, "prices", "components"), "dram.read"),
    "cycles of a component in a run of none": (put(0, "totals", "cycles"), "instances.dram"),
    "a busy part that is not there": (
        put(0, "totals", "instances", "dram"),
        "in a run of none",
    ),
    "tables in a mapping": (put({}, ARCH, "energy"), "energy"),
}


@pytest.mark.parametrize("name", WRONG_MACHINES)
def test_a_result_says_of_its_machine_what_tables_and_figures_read(name, tmp_path):
    """Found by the fuzzer: files with a right checksum that ended in tracebacks."""
    change, said = WRONG_MACHINES[name]
    path = save(tmp_path, stored("diannao"))
    assert read_result(path) == stored("diannao").result
    made_results.edited(path, change)
    with pytest.raises(InputError) as caught:
        read_result(path)
    assert str(caught.value).startswith(f"{path}: not a result")
    assert said in str(caught.value)
