"""Planes whose rows exceed the input buffer: strips of columns and passes over the input channels
against loops over every strip of every width, on the sizes of DianNao's and Cambricon-X's papers.
"""

from math import ceil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_layers import conv
from tiny_networks import conv as small_conv
from tiny_networks import network, run

import archsim
from archsim.machines.shared.tables import tables_of
from archsim.timing.entries import entries_of
from archsim.timing.plan import plan_all
from archsim.timing.strips import strip_columns

SMALL = {
    # DianNao, ASPLOS'14, section 5: 16 x 16 of 16 bits, 2 KB NBin and NBout, 32 KB SB.
    "diannao": {
        "nfu.inputs": 16, "nfu.outputs": 16, "nbin.banks": 1, "nbin.bank_kbytes": 2,
        "sb.banks": 16, "sb.bank_kbytes": 2, "nbout.banks": 1, "nbout.bank_kbytes": 2,
    },
    # Cambricon-X, MICRO'16, section 4: 16 elements of 16, 2 KB SB each, 8 KB NBin and NBout.
    "cambricon_x": {
        "pe_array.pes": 16, "nbin.banks": 1, "nbin.bank_kbytes": 8, "sb.count": 16, "sb.banks": 1,
        "sb.bank_kbytes": 2, "nbout.banks": 1, "nbout.bank_kbytes": 8,
    },
}  # fmt: skip
WIDE = {"activation_bits": 16, "weight_bits": 16}
PSUM = 5
"""Bytes: 16 + 16 bits of a product and 8 of growth."""


def columns_of(layer, width):
    """The input columns that strips of so many output columns read, one after the other, and the
    most of one strip: sets of columns, found window by window.
    """
    (W, Q), stride, left = (layer.in_size[1], layer.out_size[1]), layer.stride[1], layer.padding[1]
    total = most = 0
    for first in range(0, Q, width):
        last = min(first + width, Q)
        seen = {
            q * stride - left + s * layer.dilation[1]
            for q in range(first, last)
            for s in range(layer.kernel[1])
        }
        span = (last - first - 1) * stride + (layer.kernel[1] - 1) * layer.dilation[1] + 1
        most = max(most, min(W, span))
        # A row is one piece: what lies between two windows, or before the next strip, comes too.
        upto = max(max(seen) + 1, W if last == Q else last * stride - left)
        total += sum(0 <= x < W for x in range(min(seen) if first else 0, upto))
    return total, most


def cheapest(layer, room, weights, outputs, reads):
    """The fewest bytes of inputs and partial sums over all widths of strips, whole rows included;
    `weights` are the passes that the weights of each group ask for."""
    rows = layer.kernel[0] * layer.group_channels * 2
    inputs = 2 * layer.read_elements
    found = []
    for width in range(1, layer.out_size[1] + 1):
        total, most = columns_of(layer, width)
        if width == layer.out_size[1]:
            total = most = layer.in_size[1]
        passes = ceil(min(inputs, rows * most) / room)
        spilled = sum(
            (max(passes, own) - 1) * made for own, made in zip(weights, outputs, strict=True)
        )
        found.append(ceil(inputs * total / layer.in_size[1]) * reads + 2 * PSUM * spilled)
    return min(found)


@settings(max_examples=60)
@given(
    width=st.integers(1, 40), kernel=st.integers(1, 5), stride=st.integers(1, 4),
    dilation=st.integers(1, 2), left=st.integers(0, 2), right=st.integers(0, 2),
    strip=st.integers(1, 12),
)  # fmt: skip
def test_columns_of_all_strips_are_those_of_a_loop(**drawn):
    span = (drawn["kernel"] - 1) * drawn["dilation"] + 1
    width = max(drawn["width"], span - drawn["left"] - drawn["right"], 1)
    layer = conv(
        1, 1, (1, width), (1, drawn["kernel"]), stride=(1, drawn["stride"]),
        dilation=(1, drawn["dilation"]), padding=(0, drawn["left"], 0, drawn["right"]),
    )  # fmt: skip
    strip = min(drawn["strip"], layer.out_size[1])
    assert strip_columns(layer, strip) == columns_of(layer, strip)[0]


@pytest.mark.parametrize("name", ["vgg16_sd", "resnet50_sd"])
@pytest.mark.parametrize("kbytes", [2, 8])
def test_every_layer_runs_and_moves_the_fewest_bytes(kbytes, name):
    """DianNao with its own NBin and with that of Cambricon-X: its rule needs no tensor."""
    arch = archsim.load_arch("diannao", {**SMALL["diannao"], **WIDE, "nbin.bank_kbytes": kbytes})
    workload = archsim.load_workload(name)
    room = kbytes * 1024
    entries = entries_of(arch, workload, tables_of(arch, workload, None))
    seen = 0
    for plan in plan_all(entries, arch):
        layer = plan.entry.stage.anchor
        if layer is None:
            continue
        weights = plan.entry.tiles.stationary["weight"]
        inputs, held = 2 * layer.read_elements, 32 * 1024
        reads = plan.order.input_reads
        if inputs > room and int(weights.sum()) > held and not plan.order.hold_inputs:
            assert reads == ceil(int(weights.sum()) / held)
        if plan.order.hold_inputs:
            continue
        moved = {flow: span.nbytes for flow, span in plan.traffic.reads[layer.name].items()}
        own = [ceil(nbytes / held) for nbytes in weights.tolist()]
        outputs = plan.entry.tiles.outputs.sum(axis=1).tolist()
        total = moved["input"] + 2 * moved.get("psum", 0)
        assert total == cheapest(layer, room, own, outputs, reads), layer.name
        seen += 1
    assert seen > 10


@pytest.mark.parametrize("machine", SMALL)
def test_a_run_on_the_machine_of_the_paper(tmp_path, machine):
    """300 channels in 16 bits: the rows under a window are 45 KB. The whole run passes its checks,
    and what it moves is the least that the loops find."""
    changes = {**SMALL[machine], **WIDE}
    arch = archsim.load_arch(machine, changes)
    workload = network(tmp_path, small_conv("a", [], (300, 40), (7, 25), padding=[1, 1]))
    (row,) = archsim.simulate(arch, workload).layers
    layer, room, held = workload.layer("a"), 1024 * changes["nbin.bank_kbytes"], 32 * 1024
    (tiles,) = tables_of(arch, workload, None).phases["a"]
    weights = tiles.stationary["weight"].tolist()
    own = [ceil(nbytes / held) for nbytes in weights]
    outputs = tiles.outputs.sum(axis=1).tolist()
    moved = row.dram_bytes_by["input"] + row.dram_bytes_by["psum"]
    assert moved == cheapest(layer, room, own, outputs, ceil(sum(weights) / held))


def test_a_strip_by_hand():
    """Eight columns under a kernel of three, 100 channels: 2 KB of 16 bits hold three columns of
    three rows, 1800 bytes, and no fourth. Strips of one output column read 2 + 3 x 6 + 2 columns.
    With two passes six columns fit: two strips of four read 5 + 5, and 2 x 5 bytes move for each
    of 16 x 64 x 8 outputs.
    """
    layer = conv(100, 16, (64, 8), (3, 3), padding=(1, 1, 1, 1))
    assert [strip_columns(layer, width) for width in (1, 4, 8)] == [2 + 3 * 6 + 2, 5 + 5, 8]
    two = 2 * 100 * 64 * (5 + 5) + 2 * PSUM * 16 * 64 * 8
    assert cheapest(layer, 2048, [1], [16 * 64 * 8], 1) == two


def test_a_row_of_one_channel_that_does_not_fit_is_cut_too(tmp_path):
    """A row of 70 bytes in a buffer of 64: before strips, such a layer was refused."""
    layer = small_conv("a", [], (4, 4), (6, 70), kernel=(1, 1))
    keys = {"nbin.banks": 1, "nbin.bank_kbytes": 1 / 16}
    (row,) = run("diannao", network(tmp_path, layer), keys).layers
    # 16 columns of four channels fit, and a kernel of one column shares none: no pass, no overlap.
    assert (row.dram_bytes_by["input"], row.dram_bytes_by.get("psum", 0)) == (4 * 6 * 70, 0)


def test_a_plane_that_fits_is_taken_whole_in_any_batch(tmp_path):
    """No window sees two samples: SCNN stores the non-zeros of 600 channels of 3 x 10, about half,
    in 64 memories of 256 bytes in one pass, where their dense rows would not fit."""
    layer = small_conv("a", [], (600, 8), (3, 10), padding=[1, 1])
    keys = {"iaram.bank_kbytes": 1 / 4, "iaram.banks": 1}
    for batch in (1, 5):
        workload = network(tmp_path, layer, batch=batch)
        (row,) = run("scnn", workload, keys).layers
        assert "psum" not in row.dram_bytes_by
        assert 600 * 3 * 10 > 64 * 256
