"""What is kept is what would be computed, is used where nothing changed, and nowhere else."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import get_args

import pytest

from archsim.arch.arch import load_arch
from archsim.formats.errors import InputError
from archsim.formats.search import names
from archsim.machines.shared.tables import tables_of
from archsim.runs import cached, content
from archsim.runs.cache import Cache
from archsim.runs.cached import simulate_cached
from archsim.runs.content import (
    RUN_CODE,
    TABLE_CODE,
    UNREAD_KEYS,
    UNREAD_KINDS,
    code_hash,
    run_key,
    table_key,
)
from archsim.runs.simulation import simulate, timed
from archsim.runs.table_store import pack, unpack
from archsim.workload.workload import load_workload

MACHINES = [name for name in names("archs") if load_arch(name).task == "inference"]


@pytest.fixture(scope="module")
def tiny():
    return load_workload("tiny_sd")


@pytest.fixture
def cache(tmp_path):
    return Cache(tmp_path / "cache")


def text(result):
    return json.dumps(result.to_dict())


def files(cache, suffix):
    return sorted(path.name for path in cache.folder.glob(f"*.{suffix}"))


@pytest.mark.parametrize("name", MACHINES)
def test_cold_and_warm_runs_give_the_bytes_of_a_run_without_cache(name, tiny, cache):
    arch = load_arch(name)
    plain = text(simulate(arch, tiny))
    assert text(simulate_cached(arch, tiny, None)) == plain
    assert text(simulate_cached(arch, tiny, cache)) == plain
    assert text(simulate_cached(arch, tiny, cache)) == plain


def test_other_prices_run_nothing_and_another_dram_makes_no_table(tiny, cache):
    simulate_cached(load_arch("smartdeal"), tiny, cache)
    tables, runs = files(cache, "npz"), files(cache, "json")
    dear = load_arch("smartdeal", ["energy=units/interstellar"])
    assert text(simulate_cached(dear, tiny, cache)) == text(simulate(dear, tiny))
    assert (files(cache, "npz"), files(cache, "json")) == (tables, runs)
    slow = load_arch("smartdeal", ["dram.bytes_per_cycle=4"])
    assert text(simulate_cached(slow, tiny, cache)) == text(simulate(slow, tiny))
    assert files(cache, "npz") == tables
    assert len(files(cache, "json")) == len(runs) + 1
    narrow = load_arch("smartdeal", ["pe_slices.lines=8"])
    assert text(simulate_cached(narrow, tiny, cache)) == text(simulate(narrow, tiny))
    assert len(files(cache, "npz")) == len(tables) + 1


def mutated(arch):
    """Every key with another legal value: numbers doubled or halved, words exchanged."""
    words = {
        "energy": ["units/table1_28nm", "units/interstellar"],
        "interlayer": ["spill", "keep_if_fits"],
        "barrier": ["input", "layer"],
        "weights": ["dense", "pruned"],
    }
    leaves = {key: arch.resolved[key] for key in (*UNREAD_KEYS, "weights")}
    for owner, keys in arch.resolved["components"].items():
        leaves |= {f"{owner}.{key}": value for key, value in keys.items() if key != "class"}
    for key, value in leaves.items():
        if isinstance(value, bool):
            options = [not value]
        elif isinstance(value, (int, float)):
            options = [one for one in (value * 2, value // 2, value + 1) if one != value]
        elif isinstance(value, str):
            options = [word for word in words.get(key) or said(arch, key) if word != value]
        else:
            options = [1]
        made = list(filter(None, (legal(arch, key, option) for option in options)))
        assert made, f"no other legal value of {key}"
        yield key, made[0]


def said(arch, key):
    """The words that a component's key may be."""
    owner, _, field = key.partition(".")
    return get_args(type(arch.components[owner]).model_fields[field].annotation)


def legal(arch, key, value):
    try:
        return load_arch(arch.path, {key: value})
    except InputError:
        return None


@pytest.mark.parametrize("name", MACHINES)
@pytest.mark.slow
def test_a_key_that_the_tables_may_depend_on_changes_their_hash(name, tiny):
    arch = load_arch(name)
    tables = pack("", tables_of(arch, tiny, None))
    unread = set()
    for key, other in mutated(arch):
        if table_key(other, tiny) == table_key(arch, tiny):
            unread.add(key)
            assert pack("", tables_of(other, tiny, None)) == tables, key
    carriers = {owner for owner, kind in arch.kinds.items() if kind in UNREAD_KINDS}
    assert {key for key in unread if "." not in key} == UNREAD_KEYS
    assert {key.partition(".")[0] for key in unread if "." in key} == carriers


@pytest.mark.parametrize("name", MACHINES)
def test_a_key_that_the_run_may_depend_on_changes_its_hash(name, tiny):
    arch = load_arch(name)
    tables = tables_of(arch, tiny, None)
    layers = timed(arch, tiny, tables).layers
    for key, other in mutated(arch):
        if run_key(other, tiny) == run_key(arch, tiny):
            assert key in {"clock_mhz", "energy"}
            assert timed(other, tiny, tables).layers == layers


def test_the_tables_of_a_rule_from_outside_depend_on_the_whole_arch(tmp_path, tiny):
    shutil.copy(load_arch("diannao").machine_path, tmp_path / "mine.py")
    arch = load_arch("diannao", ["machine=mine"], machines=tmp_path)
    other = load_arch("diannao", ["machine=mine", "dram.bytes_per_cycle=4"], machines=tmp_path)
    assert table_key(arch, tiny) != table_key(other, tiny)
    before = table_key(arch, tiny)
    with (tmp_path / "mine.py").open("a") as file:
        file.write("# changed\n")
    assert table_key(arch, tiny) != before


def test_another_workload_or_fewer_layers_change_the_hash(tiny):
    arch = load_arch("diannao")
    assert table_key(arch, tiny) != table_key(arch, tiny.only_convs())


@pytest.mark.parametrize("suffix", ["npz", "json"])
@pytest.mark.parametrize("spoil", ["cut", "flip", "empty", "words", "swap"])
def test_a_damaged_file_is_not_believed_and_written_again(suffix, spoil, tiny, cache):
    arch = load_arch("diannao")
    slow = load_arch("diannao", ["nbin.bytes_per_cycle=1"])
    good = text(simulate_cached(arch, tiny, cache))
    own = files(cache, suffix)[0]
    simulate_cached(slow, tiny, cache)
    path = cache.folder / own
    other = next(one for one in files(cache, suffix) if one != own)
    whole = path.read_bytes()
    at = len(whole) // 2
    spoilt = {
        "cut": whole[: len(whole) // 2],
        "flip": whole[:at] + bytes([whole[at] ^ 0x10]) + whole[at + 1 :],
        "empty": b"",
        "words": b"[]",
        "swap": (cache.folder / other).read_bytes(),
    }[spoil]
    path.write_bytes(spoilt)
    if suffix == "npz":
        for run in files(cache, "json"):
            (cache.folder / run).unlink()
    assert text(simulate_cached(arch, tiny, cache)) == good
    assert path.read_bytes() == whole


def test_tables_survive_their_bytes(tiny):
    tables = tables_of(load_arch("smartdeal"), tiny, None)
    content_of = pack("k", tables)
    assert unpack("other", content_of) is None
    again = unpack("k", content_of)
    assert pack("k", again) == content_of
    assert again.stored == tables.stored
    assert again.notes == tables.notes


def test_the_folder_is_bounded_and_what_was_used_last_stays(tmp_path):
    folder = tmp_path / "cache"
    cache = Cache(folder, limit_bytes=250)
    for age, name in ((60, "a.npz"), (30, "b.json")):
        cache.write(name, b"x" * 100)
        then = time.time() - age  # a file system's clock may not tell two writes apart
        os.utime(folder / name, (then, then))
    assert cache.read("a.npz") == b"x" * 100
    cache.write("c.npz", b"x" * 100)
    assert cache.read("b.json") is None
    assert cache.read("a.npz") is not None
    cache.write("d.npz", b"x" * 1000)
    assert cache.read("d.npz") is not None


def test_a_folder_that_cannot_be_written_costs_only_the_keeping(tmp_path, tiny):
    (tmp_path / "file").write_text("in the way")
    cache = Cache(tmp_path / "file")
    arch = load_arch("diannao")
    assert text(simulate_cached(arch, tiny, cache)) == text(simulate(arch, tiny))
    assert "cannot be written" in cache.problem


def test_changed_code_changes_every_hash_that_it_concerns(tmp_path, monkeypatch):
    shutil.copytree(content.PACKAGE, tmp_path / "archsim")
    monkeypatch.setattr(content, "PACKAGE", tmp_path / "archsim")

    def both():
        code_hash.cache_clear()
        return code_hash(TABLE_CODE), code_hash(RUN_CODE)

    before = both()

    def changed(name):
        path = tmp_path / "archsim" / name
        whole = path.read_text()
        path.write_text(f"{whole}\n")
        after = both()
        path.write_text(whole)
        return tuple(old != new for old, new in zip(before, after, strict=True))

    assert changed("machines/shared/geometry.py") == (True, True)
    assert changed("arch/components/dram.py") == (True, True)
    assert changed("timing/engine.py") == (False, True)
    assert changed("analysis/figures/plots.py") == (False, False)
    monkeypatch.undo()
    code_hash.cache_clear()


def test_nothing_kept_is_unpickled():
    for path in (content.PACKAGE / "runs" / "table_store.py", Path(content.__file__)):
        assert "allow_pickle=True" not in path.read_text()


def test_the_public_name_is_the_function_whatever_was_imported_before(tiny):
    import archsim

    assert archsim.simulate is cached.simulate
    assert archsim.simulate(archsim.load_arch("diannao"), tiny).cycles


@pytest.mark.parametrize("folder", ["x" * 300, "file/cache", "/".join(["y" * 200] * 30)])
def test_a_folder_that_cannot_be_made_is_a_note_and_the_run_goes_on(folder, tmp_path):
    (tmp_path / "file").write_text("")
    done = subprocess.run(
        [sys.executable, "-m", "archsim", "run", "--workload", "tiny_sd", "--arch", "diannao",
         "--out", str(tmp_path / "out"), "--quiet", "--no-figures"],
        env={**os.environ, "ARCHSIM_CACHE": str(tmp_path / folder)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("the cache, ") == 1
    assert (tmp_path / "out" / "tiny_sd" / "diannao.json").is_file()


def test_what_a_folder_that_can_only_be_read_holds_is_used():
    # No one may set the times of these files, not even the superuser, nor make others.
    process = Cache(Path("/proc/self"))
    if not process.folder.is_dir():
        pytest.skip("this system has no /proc")
    assert process.read("cmdline")
    process.write("made.json", b"")
    assert process.problem


@pytest.mark.parametrize("there", [[], ["CACHEDIR.TAG"], [".archsim-host-1-2.tmp"]])
def test_a_folder_that_a_killed_process_began_gets_its_marks(there, cache):
    cache.folder.mkdir()
    for name in there:
        (cache.folder / name).touch()
    cache.write("a.json", b"{}")
    assert cache.problem is None
    assert (cache.folder / "CACHEDIR.TAG").read_text().startswith("Signature: 8a477f597d28d17278")
    assert (cache.folder / ".gitignore").read_text() == "*\n"


def test_a_folder_with_files_of_somebody_else_gets_no_marks(cache):
    cache.folder.mkdir()
    (cache.folder / "thesis.txt").touch()
    cache.write("a.json", b"{}")
    assert files(cache, "*") == ["a.json", "thesis.txt"]
    assert not (cache.folder / ".gitignore").exists()
