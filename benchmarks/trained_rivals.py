"""Rivals that train, on a network and images of yours: `docs/results/rivals/NETWORK_trained.json`.

    python -m benchmarks.trained_rivals small_cnn
    python -m benchmarks.trained_rivals resnet20_cifar --weights FILE.th --images FILE.npz

Each row is on the disk before the next one is begun, and is not made again. `small_cnn` gets its
weights here first, in `results/`; Fashion-MNIST comes with `make data` (docs/rivals_trained.md).
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from archsim.formats.files import write_atomically
from archsim.formats.source import require
from benchmarks import trained_page
from sdalgo.one_thread import one_thread
from sdalgo.rivals.trained import rows
from sdalgo.rivals.trained.loop import Settings
from sdalgo.rivals.trained.method import Method
from sdalgo.rivals.trained.methods import METHODS
from sdalgo.rivals.trained.task import DATA, IMAGES, START, task, trained_start

Kept = dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("network", choices=sorted(DATA))
    parser.add_argument("--weights", type=Path, help="trained weights of the network")
    parser.add_argument("--images", type=Path, help="folder or file of the images")
    parser.add_argument("--methods", nargs="+", default=list(METHODS), help=" ".join(METHODS))
    parser.add_argument("--out", type=Path, default=Path("docs/results/rivals"))
    parser.add_argument("--write-docs", action="store_true", help=str(trained_page.PAGE))
    given = parser.parse_args()
    for name in given.methods:
        require("method", name, METHODS)
    weights = given.weights or _start(given.network, given.images)
    judged = task(given.network, weights, given.images)
    settings = Settings()
    path = given.out / f"{given.network}_trained.json"
    for method in (METHODS[name]() for name in given.methods):
        done = _kept(path, settings)
        if any(_is_of(kept, method) for kept in done):
            continue
        for row in rows(judged, [method], settings):
            print(f"{row.method}, {row.setting}: {row.score:.2%}, refreshed "
                  f"{row.refreshed or row.score:.2%}, {row.bits_per_weight:.2f} bits, "
                  f"{row.seconds:.0f} CPU s", flush=True)  # fmt: skip
            _write(path, given.network, settings, [*done, row.to_json()])
    if given.write_docs:
        trained_page.write(trained_page.PAGE, path)


def _start(network: str, images: Path | None) -> Path:
    """The weights that this command trains where none are given."""
    path = Path("results/rivals") / f"{network}.pt"
    if not path.exists():
        with one_thread():
            model = trained_start(network, images)
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.save(model.state_dict(), path)
    return path


def _about(settings: Settings) -> Kept:
    return {**asdict(settings), "images": IMAGES, "start": asdict(START)}


def _kept(path: Path, settings: Settings) -> list[Kept]:
    """The rows of a file that the same settings made."""
    if not path.exists():
        return []
    found = json.loads(path.read_text(encoding="utf-8"))
    return list(found["rows"]) if found["settings"] == _about(settings) else []


def _is_of(kept: Kept, method: Method) -> bool:
    return (kept["method"], kept["setting"]) == (method.name, method.setting)


def _write(path: Path, network: str, settings: Settings, rows: Sequence[Kept]) -> None:
    made = [make() for make in METHODS.values()]
    placed = [kept for one in made for kept in rows if _is_of(kept, one)]
    path.parent.mkdir(parents=True, exist_ok=True)
    found = {"network": network, "settings": _about(settings), "rows": placed}
    write_atomically(path, (json.dumps(found, indent=1) + "\n").encode())


if __name__ == "__main__":
    main()
