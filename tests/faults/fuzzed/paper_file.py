"""What `sdalgo paper` and `archsim paper sensitivity` leave: sentences and lines follow from what
is read, or the file is named."""

import tempfile
from dataclasses import asdict
from pathlib import Path

from byte_mutants import sealed_mutant

from archsim.formats.sealed import sealed
from archsim.paper import kept
from archsim.paper.sensitivity import RATIOS, Move, Sensitivity, mover, raised
from sdalgo import paper

SUFFIX = ".json"


def seeds():
    values = dict.fromkeys(RATIOS, 1.5)
    move = Move("a", "b", "c", values, dict.fromkeys(RATIOS, 1.2), ["x", "y"], ["y", "x"])
    known = Sensitivity("measured", ["tiny"], move, [move])
    row = paper.Row(row="a", quantity="b", unit="%", paper=79.8, ours=71.25, how="c", meets=False)
    none = paper.Row(row="d", quantity="b", unit="%", paper=3.0, ours=None, how="c")
    rows = [{**asdict(each), "ratio": each.ratio} for each in (row, none)]
    return [
        sealed(known.to_dict()),
        sealed({"format": paper.FORMAT, "name": "fig3", "rows": rows}),
    ]


def mutate(rng, seed):
    return sealed_mutant(rng, seed)


def check(path):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "paper"
        folder.mkdir()
        (folder / path.name).write_bytes(path.read_bytes())
        (folder / f"{kept.SENSITIVITY}.json").write_bytes(path.read_bytes())
        known = kept.sensitivity(Path(name))
        for ratio in RATIOS:
            mover(known, ratio)
            raised(known, ratio)
        for line in kept.sdalgo_lines(Path(name), path.stem):
            assert line.what
