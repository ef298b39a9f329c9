"""Nine layers of full size whose cycles are known: the whole table of the readings of `sync`.

The layers come from one seeded generator; the figures were worked out by loops over single jobs.
"""

import numpy as np
import pytest
import yaml
from safetensors.numpy import save_file
from small_layers import conv, decomposition, linear

import archsim

SEED = 7
LAYERS = [
    ("conv", 64, 64, 3, 56, 1, 1),
    ("conv", 96, 128, 3, 14, 1, 1),
    ("conv", 128, 64, 3, 28, 2, 1),
    ("conv", 64, 3, 7, 64, 2, 3),
    ("pointwise", 256, 64, 1, 28, 1, 0),
    ("pointwise", 64, 100, 1, 15, 2, 0),
    ("depthwise", 96, 96, 3, 28, 1, 1),
    ("depthwise", 72, 72, 5, 20, 2, 2),
    ("linear", 100, 512, 1, 1, 1, 0),
]
TILE_1, TILE_4, GROUP_4, TILE_64, B, D = range(6)
EXPECTED = np.array(
    [
        (44757, 34223, 33571, 34223, 20485537, 64798754),
        (12108, 12100, 12021, 9878, 4360192, 12127030),
        (6168, 5426, 5405, 5426, 3039618, 8649345),
        (19572, 19572, 19572, 16565, 1087392, 3359656),
        (7826, 7773, 7640, 7773, 2623898, 8139433),
        (210, 210, 210, 210, 75684, 230989),
        (585, 585, 563, 585, 122478, 349735),
        (291, 291, 265, 291, 35408, 80645),
        (34, 28, 28, 28, 19873, 29548),
    ]
)
LINES = np.array([1024] * 8 + [2048])


def inputs_of(rng, channels, side, signed):
    """Exponential values, 45 % of them and a tenth of the channels zero; linear: signed."""
    values = np.clip(np.round(rng.exponential(16, (channels, side, side))), 0, 255).astype(int)
    values[rng.random(values.shape) < 0.45] = 0
    values[rng.random(channels) < 0.1] = 0
    if not signed:
        return values.astype(np.uint8)
    positive = rng.random(values.shape) >= 0.5
    return np.where(positive, np.minimum(values, 127), -np.minimum(values, 128)).astype(np.int8)


def nonzeros_of(rng, shape, filters_sharing, raw):
    """Non-zeros of each row: masks shared by some filters, then a tenth of the rows less."""
    masks = rng.random((-(-shape[0] // filters_sharing), *shape[1:])) < 0.6
    live = np.repeat(masks, filters_sharing, axis=0)[: shape[0]] & (rng.random(shape) < 0.9)
    return live * (1 if raw else rng.integers(1, 4, shape))


def made():
    """(layer, its arrays) of the nine layers."""
    rng, codes = np.random.default_rng(SEED), np.random.default_rng(1)
    for index, (kind, filters, channels, kernel, side, stride, pad) in enumerate(LAYERS):
        inputs = inputs_of(rng, channels, side, kind == "linear")
        rows = {"conv": (filters, channels, kernel), "depthwise": (channels, kernel)}
        shape = rows.get(kind, (filters, -(-channels // 3)))
        raw = kind == "conv" and kernel > 3
        nonzeros = nonzeros_of(rng, shape, 32 if index % 2 == 0 else 5, raw)
        if kind == "linear":
            layer, inputs = linear(channels, filters), inputs.reshape(-1)
        else:
            layer = conv(
                channels,
                filters,
                (side, side),
                (kernel, kernel),
                stride=(stride, stride),
                padding=(pad,) * 4,
                groups=channels if kind == "depthwise" else 1,
            )
        if raw:
            weight = np.repeat(nonzeros[..., None], kernel, axis=-1).astype(np.int8)
            yield layer, {"input": inputs, "weight": weight}
        else:
            yield layer, {"input": inputs, **decomposition(layer, nonzeros, codes)}


@pytest.fixture(scope="module")
def workload(tmp_path_factory):
    """All nine in one workload file with its tensors."""
    folder = tmp_path_factory.mktemp("nine")
    entries, tensors = [], {}
    for index, (layer, arrays) in enumerate(made()):
        name = f"layer{index}"
        tensors |= {f"{name}/{what}": np.ascontiguousarray(array) for what, array in arrays.items()}
        entry = {
            "name": name,
            "op": layer.op,
            "inputs": [],
            "in_channels": layer.in_channels,
            "out_channels": layer.out_channels,
        }
        if layer.op == "conv":
            entry |= {
                "in_size": list(layer.in_size),
                "kernel": list(layer.kernel),
                "stride": list(layer.stride),
                "padding": list(layer.padding),
                "groups": layer.groups,
            }
        entries.append(entry)
    save_file(tensors, folder / "nine.safetensors")
    file = {
        "format": "archsim-workload/1",
        "name": "nine",
        "source": {"made_by": "a test"},
        "tensors": "nine.safetensors",
        "layers": entries,
    }
    (folder / "nine.yaml").write_text(yaml.safe_dump(file))
    return archsim.load_workload(folder / "nine.yaml")


def compute_cycles(workload, **keys):
    arch = archsim.load_arch(
        "smartdeal", {f"pe_slices.{key}": value for key, value in keys.items()}
    )
    return [layer.compute_cycles for layer in archsim.simulate(arch, workload).layers]


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({"sync": "tile", "streams": 1}, EXPECTED[:, TILE_1]),
        ({"sync": "tile", "streams": 4}, EXPECTED[:, TILE_4]),
        ({"sync": "group", "streams": 4}, EXPECTED[:, GROUP_4]),
        ({"sync": "tile", "streams": 64}, EXPECTED[:, TILE_64]),
        ({"sync": "lines"}, -(-EXPECTED[:, B] // LINES)),
        ({"sync": "lanes"}, -(-EXPECTED[:, D] // 8192)),
    ],
    ids=["tile-1", "tile-4", "group-4", "tile-64", "lines", "lanes"],
)
def test_cycles_are_those_of_the_table(workload, keys, expected):
    assert compute_cycles(workload, **keys) == expected.tolist()


def test_digits_to_the_last_one(workload):
    result = archsim.simulate(archsim.load_arch("smartdeal"), workload)
    digits = [layer.actions["mac_array"]["booth_step"] for layer in result.layers]
    assert digits == EXPECTED[:, D].tolist()


def test_job_cycles_to_the_last_one(workload):
    """One slice of one line lasts as long as all live jobs of all filters in a row."""
    clusters = np.array([1] * 8 + [2])
    assert (
        compute_cycles(workload, sync="lines", streams=1, slices=1, lines=1)
        == (-(-EXPECTED[:, B] // clusters)).tolist()
    )
