"""Did anything change? What every machine counts and what it costs on small networks, a file per
machine in data/golden/; a machine without a file is skipped.

`make golden`, or `make golden MACHINES="systolic scnn"`, writes files anew, also the first one of a
machine; review the difference as you would code.
"""

import json
import sys
import tempfile
from pathlib import Path

import pytest
from tiny_networks import network, residual
from training_network import training_network

import archsim
from archsim.formats.search import names
from archsim.version import MODEL

GOLDEN = Path(__file__).parent / "data" / "golden"
MACHINES = list(names("archs"))
COUNTED = (
    "cycles",
    "compute_cycles",
    "macs_done",
    "dram_bytes_by",
    "sram_bytes",
    "actions",
    "lost",
    "energy_by",
)
ONE_SLOT = {"slots": 1, "banks": 2, "bank_kbytes": 1}
CASES = {
    "inference": {
        "residual": {},
        "one slot, small buffers": {"moving": ONE_SLOT, "stationary": ONE_SLOT},
    },
    "training": {
        "training": {},
        "operands read again": {
            "moving": {"banks": 1, "bank_kbytes": 1},
            "stationary": {"banks": 1, "bank_kbytes": 0.25},
            "result": {"banks": 1, "bank_kbytes": 1},
        },
    },
}
"""By task: cases, and what each sets of the buffers on flows of a role."""


def counted(name, case, folder):
    """What a machine counted, and what it costs, in each layer and phase of a case."""
    arch = archsim.load_arch(name)
    changes = {
        f"{part}.{key}": value
        for role, keys in CASES[arch.task][case].items()
        for flow in arch.flows.values()
        for part in flow.path
        for key, value in keys.items()
        if flow.role == role and arch.components[part].kind == "storage"
    }
    workload = network(folder, *residual())
    if arch.task == "training":
        workload = training_network(folder)
    result = archsim.simulate(archsim.load_arch(name, changes), workload)
    rows = {f"{row.name} {row.phase}": row.to_dict() for row in result.layers}
    return {layer: {key: row[key] for key in COUNTED} for layer, row in rows.items()}


@pytest.mark.parametrize("name", MACHINES)
def test_a_machine_counts_what_is_on_file(name, tmp_path):
    path = GOLDEN / f"{name}.json"
    if not path.exists():
        pytest.skip(f"{name} has no golden results; `make golden MACHINES={name}` writes them")
    on_file = json.loads(path.read_text())
    assert on_file.pop("model") == MODEL
    assert list(on_file) == list(CASES[archsim.load_arch(name).task])
    for case, layers in on_file.items():
        found = json.loads(json.dumps(counted(name, case, tmp_path)))
        assert list(found) == list(layers)
        for layer, row in layers.items():
            assert found[layer] == row, (case, layer)


def test_no_file_is_of_a_machine_that_is_gone():
    assert {path.stem for path in GOLDEN.glob("*.json")} <= {*MACHINES}


def write_anew(wanted):
    """The files of the machines named, of all if none is; one line per layer."""
    GOLDEN.mkdir(parents=True, exist_ok=True)
    for name in wanted or MACHINES:
        cases = [f'"model": {MODEL}']
        for case in CASES[archsim.load_arch(name).task]:
            with tempfile.TemporaryDirectory() as folder:
                rows = counted(name, case, Path(folder)).items()
            lines = [f"  {json.dumps(layer)}: {json.dumps(row)}" for layer, row in rows]
            cases.append(f"{json.dumps(case)}: {{\n" + ",\n".join(lines) + "\n}")
        (GOLDEN / f"{name}.json").write_text("{\n" + ",\n".join(cases) + "\n}\n")


if __name__ == "__main__":
    sys.exit(write_anew(sys.argv[1:]))
