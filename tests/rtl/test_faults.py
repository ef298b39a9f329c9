"""Faults in the Verilog, one at a time: the comparison finds each (docs/rtl.md lists them)."""

import re
import shutil
from pathlib import Path

import pytest
import rtl_layers
import rtl_selector
from slow_cases import slow_but_every

from archsim.analysis.cosim import icarus
from archsim.formats.errors import InputError

# name: file, what stands there, what is put in its place
FAULTS = {
    "a digit of -2 counts as -1": ("booth_mac", " || code == 3'b100)", ")"),
    "a digit at place 6 is never negative": ("booth_mac", "bits[8], bits[6]", "1'b0, bits[6]"),
    "a multiplier is a cycle late": (
        "booth_mac", "assign last = (left & (left - 5'd1)) == 5'd0;",
        "assign last = left == 5'd0;",
    ),
    "digits that are done stay done": ("booth_mac", "next ? 5'd0 : done | chosen", "done | chosen"),
    "a line without a job keeps its sums": ("pe_line", ".wipe(clear || reset)", ".wipe(reset)"),
    "an engine is a cycle late": ("rebuild_engine", ": !more)", ": none)"),
    "an engine does not wait for those in step": (
        "rebuild_engine", "cycles <= lasting;", "cycles <= 0;",
    ),
    "what moves to the right is not rounded": ("rebuild_engine", "(NEAREST != 0", "(NEAREST == 7"),
    "a sum beyond the width is not clipped": ("rebuild_engine", "(CLIP != 0", "(CLIP == 7"),
    "negative codes add": (
        "rebuild_engine", "subtracts ? before - added", "subtracts ? before + added",
    ),
    "a basis stays for ever": (
        "rebuild_engine", "if (load_basis) begin", "if (load_basis && entries[0] === 1'bx) begin",
    ),
    "raw weights have no sign": ("rebuild_engine", "raw_weights[8*n + 7]", "1'b0"),
    "a code of the highest level is one place short": (
        "rebuild_engine", "- 11'sd1 - place", "- 11'sd1 - (level[2] ? place + 10'sd1 : place)",
    ),
    "weights come from the wrong engine": ("pe_line", "row = turn ? ", "row = !turn ? "),
    "output registers miss the last basis row": ("pe_line", "kept <= made", "kept <= rebuilt"),
    "both clusters have the first one's weights": (
        "pe_line", "(m / CLUSTER)", "(0 * (m / CLUSTER))",
    ),
    "the FIFO moves by one where weights are two apart": ("pe_line", "front >> 18", "front >> 9"),
    "multipliers without a pixel see inputs": ("pe_line", "m < pixels ?", "1'b1 ?"),
    "a job waits a cycle after the one before it": ("pe_line", "!running || ends;", "!running;"),
    "a job starts before its tile opens": (
        "pe_line", "free && staged_tile == open", "free && staged_tile - open < 2",
    ),
    "the barrier forgets the first line": ("pe_slice", "(&done)", "(&done[LINES-1:1])"),
    "the barrier has no register": (
        "pe_slice", "BARRIER != 0 ? meet : opens;", "opens;",
    ),
    "sums are taken while the tree still reads": (
        "pe_slice", "draining <= 8'd2", "draining <= 8'd3",
    ),
    "the tree is not cut into segments": ("adder_tree", "(cut[d][l] ?", "(1'b0 ?"),
    "dead rows have jobs": ("index_selector", "(SKIP_WEIGHTS != 0 ?", "(SKIP_WEIGHTS == 7 ?"),
    "segments of zeros have jobs": (
        "index_selector", "SKIP_INPUTS != 0 ?", "SKIP_INPUTS == 7 ?",
    ),
    "rows behind the last one have jobs": ("index_selector", "alive = rows & ", "alive = "),
    "output rows behind the last one have jobs": ("index_selector", "!segments[s] ?", "1'b0 ?"),
    "a word without a job takes a place": ("index_selector", "(last || chosen != 0)", "1'b1"),
    "a tile without a job is never done": (
        "index_selector", "(last || chosen != 0)", "chosen != 0",
    ),
    "the scan goes on over a full window": (
        "index_selector", "ready = !kept[WORDS-1]", "ready = 1'b1",
    ),
    "the scan waits for an empty window": (
        "index_selector", "ready = !kept[WORDS-1]", "ready = kept == 0",
    ),
    "words of the next tile are counted on": (
        "index_selector", "reset || (scan && ready && last)", "reset",
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def small():
    """A few layers of every kind, on two slices of four lines that step together, and whose weights
    have 14 bits.
    """
    keys = {"pe_slices__lines": 4, "pe_slices__slices": 2, "rebuild_engine__weight_bits": 14}
    parts = rtl_layers.machine(**keys)
    made = []
    for place, kind in enumerate(rtl_layers.KINDS):
        made += rtl_layers.layers(kind, 40 + place, 4, small=True)
    return (*rtl_layers.cases_of(made, parts), parts)


def with_fault(fault, folder):
    """A copy of the Verilog with one line that is wrong."""
    name, right, wrong = FAULTS[fault]
    sources = folder / "rtl"
    shutil.copytree(icarus.folder(), sources)
    path = sources / f"{name}.v"
    text = path.read_text()
    assert text.count(right) == 1, f"{right!r} stands {text.count(right)} times in {path.name}"
    path.write_text(text.replace(right, wrong))
    return sources


def test_the_layers_are_equal_without_a_fault(small, tmp_path):
    assert not rtl_layers.compared(*small, tmp_path)


@pytest.fixture(scope="module")
def scanned():
    """Tiles of a few layers for the index selector, with words and whole tiles without a job."""
    made = [*rtl_layers.layers("depthwise", 4, 12), *rtl_selector.wide_layers(9)]
    return [tile for one in made for tile in rtl_selector.tiles_of(*one)]


def test_the_selector_is_equal_without_a_fault(scanned, tmp_path):
    assert not rtl_selector.is_wrong(scanned, "both", tmp_path / "tiles")


@pytest.mark.parametrize("fault", slow_but_every(3, FAULTS))
def test_a_fault_is_found(fault, small, scanned, tmp_path):
    sources = with_fault(fault, tmp_path)
    if FAULTS[fault][0] == "index_selector":
        assert rtl_selector.is_wrong(scanned, "both", tmp_path / "tiles", sources)
    else:
        assert rtl_layers.compared(*small, tmp_path, sources)


def test_the_faults_are_those_of_the_documentation():
    page = (Path(__file__).parents[2] / "docs" / "rtl.md").read_text()
    listed = re.findall(r"^- (.+) \(`(\w+)\.v`\)$", page, re.MULTILINE)
    assert listed == [(fault, name) for fault, (name, _, _) in FAULTS.items()]


def test_verilog_that_does_not_compile_is_told(small, tmp_path):
    sources = tmp_path / "rtl"
    shutil.copytree(icarus.folder(), sources)
    (sources / "booth_mac.v").write_text("module booth_mac(\n")
    with pytest.raises(InputError, match=r"iverilog: .*syntax error"):
        rtl_layers.compared(*small, tmp_path, sources)
