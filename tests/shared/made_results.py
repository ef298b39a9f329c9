"""Hand-made results: small numbers that can be checked by head."""

import json

from archsim.formats.sealed import sealed
from archsim.results.result import LayerResult, Result
from archsim.results.store import Stored

PARTS = {
    "diannao": {
        "dram": ("Dram", 60.0),
        "input_gb": ("GlobalBuffer", 20.0),
        "weight_gb": ("GlobalBuffer", 16.0),
        "nfu": ("Nfu", 103.75),
        "post": ("Post", 0.25),
    },
    "smartdeal": {
        "dram": ("Dram", 20.0),
        "input_gb": ("GlobalBuffer", 10.0),
        "weight_buffer": ("GlobalBuffer", 4.0),
        "index_selector": ("IndexSelector", 1.0),
        "rebuild_engine": ("RebuildEngine", 3.0),
        "mac_array": ("BitSerialMacArray", 12.0),
    },
    "scnn": {"dram": ("Dram", 40.0), "input_gb": ("GlobalBuffer", 30.0), "pe_array": ("Pe", 50.0)},
}
NAMES = {"diannao": "DianNao", "smartdeal": "SmartDeal", "scnn": "SCNN"}
CYCLES = {"diannao": 4000, "smartdeal": 1000, "scnn": 1600}
DRAM = {
    "diannao": {"input": 300, "weight": 200, "output": 100},
    "smartdeal": {"input": 100, "weight": 60, "index": 10, "output": 30},
    "scnn": {"input": 150, "weight": 150, "output": 100},
}


ROLES = {"input": "moving", "weight": "stationary", "index": "stationary", "output": "result"}
KINDS = {"Dram": "off_chip", "GlobalBuffer": "storage", "IndexSelector": "index"}


def flows(stem: str) -> dict[str, object]:
    """The buffers named after a flow stand on its path."""
    return {
        flow: {"role": ROLES[flow], "path": [part for part in PARTS[stem] if flow in part]}
        for flow in DRAM[stem]
    }


def layer(stem: str, name: str, share: float) -> LayerResult:
    energy = {part: pj * share * 1e6 for part, (_, pj) in PARTS[stem].items()}
    dram = {flow: round(n * share) * 1000 for flow, n in DRAM[stem].items()}
    cycles = round(CYCLES[stem] * share)
    return LayerResult(
        name=name,
        op="conv",
        phase="inference",
        macs=round(8_000_000 * share),
        macs_done=round(4_000_000 * share),
        cycles=cycles,
        compute_cycles=cycles // 2,
        energy_pj=sum(energy.values()),
        energy_by=energy,
        dram_bytes=sum(dram.values()),
        dram_bytes_by=dram,
        sram_bytes=round(9000 * share),
        actions={"dram": {"read": round(100 * share)}},
        busy={"dram": cycles // 4},
        lost={"dram": {"wait_input": cycles // 4}},
    )


def result(stem: str, workload: str = "tiny", mode: str = "profile") -> Result:
    layers = (layer(stem, "a", 0.25), layer(stem, "b", 0.75))
    cycles = sum(one.cycles for one in layers)
    components = {part: {"class": kind} for part, (kind, _) in PARTS[stem].items()}
    return Result(
        arch=NAMES[stem],
        arch_hash="a1",
        clock_mhz=1000.0,
        workload=workload,
        workload_hash="b2",
        kinds={part: KINDS.get(kind, "array") for part, (kind, _) in PARTS[stem].items()},
        arch_resolved={"name": NAMES[stem], "flows": flows(stem), "components": components},
        mode=mode,
        cycles=cycles,
        instances={"dram": 1},
        idle={"dram": cycles // 2},
        layers=layers,
        notes=("weights: SYNTHETIC",) if mode == "profile" else (),
    )


def stored(stem: str, workload: str = "tiny", scenario: str = "") -> Stored:
    group = f"{workload}@{scenario}" if scenario else workload
    return Stored(group, stem, result(stem, workload))


def edited(path, change, *, seal=True):
    """Change a result's file by `change(data)`; with a new checksum, as no editor would write it,
    or with the old one."""
    data = json.loads(path.read_text(encoding="utf-8"))
    change(data)
    text = sealed(data) if seal else json.dumps(data, indent=1).encode()
    path.write_bytes(text)
