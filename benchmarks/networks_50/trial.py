"""One network's trial: its file, the import, its outputs, and five machines.

Each step is kept in FOLDER/records/NAME.json with a key of what it depends on, so that a run that
was killed goes on where it was, and a change of the code repeats only what it may change.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from archsim.formats.files import write_atomically
from benchmarks.networks_50 import children
from benchmarks.networks_50.listing import Network
from benchmarks.networks_50.packages import CannotBeHad, fetch

MACHINES = ("smartdeal", "diannao", "scnn", "cambricon_x", "bit_pragmatic")
ROOT = Path(__file__).parents[2]
HERE = "benchmarks.networks_50"
REFERENCES = {"onnx.reference": [], "ONNX Runtime": ["--runtime"]}
Record = dict[str, Any]


@dataclass(frozen=True)
class Folders:
    """Where files lie.

    Attributes:
        work: everything of this command.
    """

    work: Path

    def of(self, kind: str) -> Path:
        """A folder in it, made."""
        folder = self.work / kind
        folder.mkdir(parents=True, exist_ok=True)
        return folder


@cache
def code(*names: str) -> str:
    """A digest of the sources of these packages."""
    digest = hashlib.sha256()
    for path in sorted(path for name in names for path in (ROOT / name).rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def digest(*paths: Path) -> str:
    """A digest of files."""
    return hashlib.sha256(b"".join(path.read_bytes() for path in paths)).hexdigest()


def kept(network: Network, folders: Folders) -> Record:
    """The network's record as it is, empty where it was never tried."""
    path = folders.of("records") / f"{network.name}.json"
    return dict(json.loads(path.read_text())) if path.exists() else {}


def tried(network: Network, folders: Folders) -> Record:
    """The network's record, every step done that can be."""
    path = folders.of("records") / f"{network.name}.json"
    record = kept(network, folders)

    def step(name: str, key: str, work: Callable[[], Record]) -> Record:
        if record.get(name, {}).get("key") != key:
            record[name] = {**work(), "key": key}
            write_atomically(path, json.dumps(record, indent=1).encode())
        return dict(record[name])

    file = folders.of("files") / f"{network.name}.onnx"
    if not file.exists():
        record.pop("file", None)
    made = step("file", _source(network), lambda: _file(network, file, folders))
    if "missing" in made:
        return {"file": made}
    key = digest(file)
    here = Path(__file__).parent
    oracle = digest(here / "expected.py", here / "evaluator_ops.py")
    expected = step(
        "expected", f"{key} {oracle} {find_spec('onnxruntime') is not None}",
        lambda: _expected(network, file, folders),
    )  # fmt: skip
    key += code("sdalgo", "archsim/formats")
    imported = step("import", key + code("archsim"), lambda: _imported(network, file, folders))
    if imported["status"] == 0:
        if "reference" in expected:
            step("equal", key, lambda: _equal(network, file, folders))
        whole = key + code("archsim") + digest(*sorted((ROOT / "archs").rglob("*.yaml")))
        step("machines", whole, lambda: _run(network, folders))
    return record


def _source(network: Network) -> str:
    """What a network's file depends on."""
    if network.package:
        return network.sha256
    here = Path(__file__).parent
    names = ("exporting", "listing", *network.made_by)
    written = digest(*(here / f"{name}.py" for name in names))
    return f"{network} {written} {find_spec('onnxscript') is not None}"


def _file(network: Network, file: Path, folders: Folders) -> Record:
    if network.package:
        try:
            fetch(network, folders.of("files"))
        except CannotBeHad as reason:
            return {"missing": str(reason)}
        return {"bytes": file.stat().st_size}
    if network.exporter == "dynamo" and find_spec("onnxscript") is None:
        return {"missing": "torch's dynamo exporter needs the package onnxscript"}
    whole = file.with_suffix(".part")
    done = children.run((f"{HERE}.exporting", network.name, str(whole)))
    if done.status:
        return {"missing": f"the export failed: {done.said.splitlines()[-1]}"}
    whole.replace(file)
    return {"bytes": file.stat().st_size, **done.record()}


def expected_file(network: Network, folders: Folders) -> Path:
    """Where its expected outputs are kept."""
    return folders.of("expected") / f"{network.name}.npz"


def _expected(network: Network, file: Path, folders: Folders) -> Record:
    out, reasons = expected_file(network, folders), {}
    for name, words in REFERENCES.items():
        if words and find_spec("onnxruntime") is None:
            continue
        command = (f"{HERE}.expected", network.name, str(file), str(out), *words)
        done = children.run(command, limit=300)
        if done.status == 0:
            return {"reference": name, "seconds": round(done.seconds, 2), "reasons": reasons}
        reasons[name] = (done.said.splitlines() or ["too long"])[-1]
    return {"reasons": reasons}


def asked(network: Network, file: Path) -> list[str]:
    """What `sdalgo import` is told of sizes that the file leaves open, and of single numbers."""
    import onnx

    words = []
    for value in onnx.load(str(file), load_external_data=False).graph.input:
        given = network.inputs.get(value.name)
        if given is None:
            continue
        if given.value is not None:
            words += ["--input", f"{value.name}={given.value:g}"]
        open_axes = {
            axis: dim.dim_param or f"{value.name}.{axis}"
            for axis, dim in enumerate(value.type.tensor_type.shape.dim)
            if dim.dim_value <= 0
        }
        if _is_image(given.shape) and open_axes.keys() & {1, 2, 3}:
            words += ["--size", "x".join(map(str, given.shape[1:]))]
        elif not _is_image(given.shape):
            words += [
                word
                for axis, size in open_axes.items()
                for word in ("--dim", f"{size}={given.shape[axis]}")
            ]
    return words


def _is_image(shape: tuple[int, ...]) -> bool:
    return len(shape) == 4


def _imported(network: Network, file: Path, folders: Folders) -> Record:
    out = folders.of("workloads")
    words = ("import", str(file), "--name", network.name, "--out", str(out), "--json", "--force")
    done = children.run(("sdalgo", *words, *asked(network, file)), limit=600)
    if done.status:
        return done.record()
    return {**done.record(), "layers": json.loads(done.printed)["layers"],
            "macs": _macs(out / f"{network.name}.yaml")}  # fmt: skip


def _macs(path: Path) -> int:
    from archsim.workload.workload import load_workload

    return sum(int(layer.macs) for layer in load_workload(str(path)).layers if layer.is_array)


def _equal(network: Network, file: Path, folders: Folders) -> Record:
    command = (f"{HERE}.equal", network.name, str(file), str(expected_file(network, folders)))
    done = children.run(command, limit=300)
    return {**done.record(), **(json.loads(done.printed) if done.status == 0 else {})}


def _run(network: Network, folders: Folders) -> Record:
    out = folders.of("results") / network.name
    shutil.rmtree(out, ignore_errors=True)
    workload = folders.of("workloads") / f"{network.name}.yaml"
    words = ["run", "--workload", str(workload), "--batch", "1", "--jobs", "1", "--no-figures",
             "--json", "--out", str(out)]  # fmt: skip
    words += [word for machine in MACHINES for word in ("--arch", machine)]
    done = children.run(("archsim", *words), {"ARCHSIM_CACHE": str(folders.of("cache"))})
    found = json.loads(done.printed) if done.printed else {}
    return {
        **done.record(),
        "cycles": {row["arch"]: row["totals"]["cycles"] for row in found.get("runs", ())},
        "refused": {row["arch"]: row["reason"] for row in found.get("not_available", ())},
    }
