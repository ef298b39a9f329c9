"""Files that archsim reads again, with bytes damaged a hundred times each from a seed.

The oracle is the file as it was written: a reader gives just that, or nothing and no other error.
"""

import json
import os
import zipfile
from dataclasses import replace
from io import BytesIO

import pytest
from damaged_bytes import damaged, encrypted
from made_results import stored
from tiny_networks import network, residual

from archsim.arch.arch import load_arch
from archsim.cli import figures
from archsim.cli.figures import Figures, Wanted, drawn
from archsim.formats.errors import InputError
from archsim.formats.json_file import MAX_DEPTH, JsonError, parsed
from archsim.machines.shared.tables import tables_of
from archsim.paper import kept
from archsim.paper.sensitivity import RATIOS, Move, Sensitivity
from archsim.results.store import read_result, read_stored, save
from archsim.runs.cache import Cache
from archsim.runs.cached import simulate_cached
from archsim.runs.folder_index import index_name, listing
from archsim.runs.simulation import simulate
from archsim.runs.table_store import pack, unpack

COUNT = 100
DEEP = b"[" * 200_000 + b"]" * 200_000


@pytest.fixture
def cache(tmp_path):
    return Cache(tmp_path / "cache")


@pytest.fixture
def tiny(tmp_path):
    return network(tmp_path, *residual())


def test_a_result_is_read_as_it_was_written_or_refused_by_name(tmp_path):
    path = save(tmp_path, stored("smartdeal"))
    whole = path.read_bytes()
    refused = []
    for content in damaged(whole, COUNT):
        path.write_bytes(content)
        try:
            assert read_result(path) == stored("smartdeal").result
        except InputError as error:
            refused += error.problems
    assert {problem.place for problem in refused} == {str(path)}
    assert len(refused) > COUNT * 0.8  # what is left are changes of spaces between values


def test_a_result_of_no_kind_stops_the_listing_of_a_folder(tmp_path, cache):
    path = save(tmp_path / "out", stored("smartdeal"))
    save(tmp_path / "out", stored("diannao"))
    for content in damaged(path.read_bytes(), COUNT, seed=1):
        path.write_bytes(content)
        found = listing(tmp_path / "out", cache)
        assert [each.stem for each in found.results][:1] == ["diannao"]
        assert len(found.results) + len(found.problems) == 2


def test_tables_are_those_that_were_kept_or_none(tiny):
    whole = pack("key", tables_of(load_arch("diannao"), tiny, None))
    for content in damaged(whole, COUNT):
        found = unpack("key", content)
        assert found is None or pack("key", found) == whole


def zip_bits(content):
    """The archive with each bit of its flags, methods and sizes flipped, in both directories."""
    with zipfile.ZipFile(BytesIO(content)) as archive:
        starts = [info.header_offset for info in archive.infolist()]
    central = content.index(b"PK\x01\x02")
    places = [start + at for start in starts for at in range(6, 30)]
    for at in [*places, *range(central + 6, central + 46)]:
        for bit in range(8):
            yield content[:at] + bytes([content[at] ^ 1 << bit]) + content[at + 1 :]


def test_no_bit_of_an_archive_s_directory_breaks_a_run(tiny):
    """One of them says "encrypted", others name methods and sizes that there are not."""
    whole = pack("key", tables_of(load_arch("diannao"), tiny, None))
    for content in zip_bits(whole):
        found = unpack("key", content)
        assert found is None or pack("key", found) == whole


@pytest.mark.parametrize("suffix", ["npz", "json"])
def test_a_run_with_a_damaged_cache_is_a_run_without_one(suffix, tiny, cache):
    arch = load_arch("diannao")
    right = json.dumps(simulate(arch, tiny).to_dict())
    simulate_cached(arch, tiny, cache)
    path = next(cache.folder.glob(f"*.{suffix}"))
    whole = path.read_bytes()
    others = [encrypted(whole)] if suffix == "npz" else []
    for content in (*damaged(whole, 20), DEEP, b"", b"{}", b"null", *others):
        path.write_bytes(content)
        if suffix == "npz":
            for run in cache.folder.glob("*.json"):
                run.unlink()
        assert json.dumps(simulate_cached(arch, tiny, cache).to_dict()) == right
    path.write_bytes(DEEP)
    simulate_cached(arch, tiny, cache)
    if suffix == "json":
        assert path.read_bytes() == whole


def test_a_folder_in_place_of_a_kept_file_is_set_aside(tiny, cache, capsys):
    arch = load_arch("diannao")
    simulate_cached(arch, tiny, cache)
    for path in [*cache.folder.glob("*.npz"), *cache.folder.glob("*.json")]:
        whole = path.read_bytes()
        path.unlink()
        path.mkdir()
        if path.suffix == ".npz":
            for run in cache.folder.glob("*.json"):
                run.unlink()
        simulate_cached(arch, tiny, cache)
        assert path.read_bytes() == whole
        assert f"{path}: set aside" in capsys.readouterr().err


def test_an_index_is_never_believed_over_the_folder(tmp_path, cache):
    out = tmp_path / "out"
    for stem in ("diannao", "smartdeal"):
        save(out, stored(stem))
    right = listing(out, cache)
    path = cache.folder / index_name("index", out)
    whole = path.read_bytes()
    for content in (*damaged(whole, COUNT), DEEP, b"{}", b"[]", b"null"):
        path.write_bytes(content)
        assert listing(out, cache) == right
    path.write_bytes(DEEP)
    listing(out, cache)
    assert path.read_bytes() == whole


def test_what_a_figure_showed_is_not_believed_where_it_is_damaged(tmp_path, monkeypatch):
    monkeypatch.setenv("ARCHSIM_CACHE", str(tmp_path / "cache"))
    picture = tmp_path / "a.png"
    picture.write_bytes(b"x")
    right = Figures([picture], ["a note"])
    wanted = Wanted("run", tmp_path, {"shown": [1, 2.5, None]})
    assert drawn(wanted, lambda: right) == right
    path = tmp_path / "cache" / index_name("figures", tmp_path, "run")
    for content in (*damaged(path.read_bytes(), COUNT), DEEP, b"{}"):
        path.write_bytes(content)
        found = drawn(wanted, lambda: right)
        assert ([*found.paths], [*found.notes]) == ([picture], ["a note"])
    assert figures._unchanged(DEEP, []) is None


def test_a_kept_sensitivity_is_whole_or_made_again(tmp_path, capsys):
    values = dict.fromkeys(RATIOS, 1.5)
    move = Move("a", "b", "c", values, values, ["x", "y"], ["y", "x"])
    known = Sensitivity("measured", ["tiny"], move, [move])
    path = kept.write(tmp_path, kept.SENSITIVITY, known.to_dict())
    whole = path.read_bytes()
    assert kept.sensitivity(tmp_path).to_dict() == known.to_dict()
    refused = 0
    for content in (*damaged(whole, COUNT), DEEP, b"{}", b"[]"):
        path.write_bytes(content)
        found = kept.sensitivity(tmp_path)
        refused += found is None
        assert found is None or found.to_dict() == known.to_dict()
    assert refused > COUNT * 0.6
    assert "archsim paper sensitivity makes it again" in capsys.readouterr().err


@pytest.mark.parametrize("what", ["values", "factors"])
def test_a_sensitivity_without_one_of_its_ratios_is_made_again(what, tmp_path):
    """Found by the fuzzer: a move without a factor, under a right checksum, ended in a KeyError."""
    values = dict.fromkeys(RATIOS, 1.5)
    fewer = {what: {name: values[name] for name in list(values)[1:]}}
    move = Move("a", "b", "c", values, values, [], [])
    for moves, whole in (([move], True), ([replace(move, **fewer)], False)):
        kept.write(tmp_path, kept.SENSITIVITY, Sensitivity("m", ["t"], move, moves).to_dict())
        assert (kept.sensitivity(tmp_path) is not None) == whole


def test_rows_of_sdalgo_are_read_as_they_were_written_or_refused_by_name(tmp_path):
    from sdalgo import paper

    row = paper.Row(row="a", quantity="b", unit="%", paper=79.8, ours=71.25, how="c", meets=False)
    rows = [{**row.__dict__, "ratio": row.ratio}] * 3
    document = {"format": paper.FORMAT, "name": "fig3", "rows": rows}
    path = paper.write(document, tmp_path)
    assert kept.sdalgo_rows(tmp_path, "fig3") == rows
    places = set()
    for content in (*damaged(path.read_bytes(), COUNT), DEEP, b"{}", b"[]", b'{"rows": []}'):
        path.write_bytes(content)
        try:
            assert kept.sdalgo_rows(tmp_path, "fig3") == rows
        except InputError as error:
            places |= {problem.place for problem in error.problems}
    assert places == {str(path)}
    path.write_text(json.dumps({**document, "rows": [{**rows[0], "paper": "much"}]}))
    with pytest.raises(InputError, match=r"fig3\.json: a row is none: paper"):
        kept.sdalgo_rows(tmp_path, "fig3")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_result_that_may_not_be_read_is_named(tmp_path):
    path = save(tmp_path, stored("smartdeal"))
    path.chmod(0)
    with pytest.raises(InputError, match="Permission denied"):
        read_stored(path)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b'{"a": 1, "a": 2}', "'a' stands twice"),
        (b"[NaN]", "NaN is no number"),
        (b"[-Infinity]", "-Infinity is no number"),
        (b"[1e400]", "beyond what a double holds"),
        (b"[" + b"9" * 65 + b"]", "65 digits"),
        (b'["\\ud800"]', "half a character"),
        (b'["\xe4"]', "not in UTF-8"),
        ("[1]".encode("utf-16"), "UTF-16"),
        (b'{\n<<<<<<< HEAD\n"a": 1\n=======\n"a": 2\n>>>>>>> b\n}', "a merge conflict"),
        (b" \n", "it is empty"),
        (b"[" * (MAX_DEPTH + 2) + b"]" * (MAX_DEPTH + 2), "levels deep"),
        (DEEP, "levels deep"),
        (b"[1] 2", "Extra data"),
    ],
)
def test_what_is_no_json_as_it_is_read_here(text, reason):
    with pytest.raises(JsonError, match=reason):
        parsed(text)


def test_what_is_json_is_read_as_python_reads_it():
    text = b'\xef\xbb\xbf{"a": [1, -0.0, 1e300, "\\ud83d\\ude00", null, true], "e1234": {}}\r\n'
    assert parsed(text) == json.loads(text)
    assert parsed(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH) == json.loads(
        "[" * MAX_DEPTH + "]" * MAX_DEPTH
    )


def test_a_file_larger_than_any_of_ours_is_not_read(tmp_path):
    path = tmp_path / "out" / "tiny" / "diannao.json"
    path.parent.mkdir(parents=True)
    with path.open("wb") as file:
        file.truncate(2**30)  # takes no room on the disk
    with pytest.raises(InputError, match="more than the"):
        read_result(path)
