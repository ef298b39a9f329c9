"""Table II's rows on the FPGA of archs/edge: found by name, no part of all, in printed order."""

import pytest

from archsim.arch.arch import load_arch
from archsim.formats.errors import InputError
from archsim.formats.search import find, names
from archsim.paper.edge import activation_elements, edge_energy, edge_gain, edge_order
from archsim.paper.size_tables import ablation_row, ablation_rows


def test_a_machine_in_a_folder_is_found_by_name_and_is_not_one_of_all():
    assert load_arch("edge/fpga").name == "SmartDeal on an FPGA"
    assert not {"fpga", "edge/fpga"} & names("archs").keys()
    assert find("archs", "edge/fpga").name == "fpga.yaml"
    with pytest.raises(InputError, match=r"edge/fpgaa.*edge/fpga"):
        find("archs", "edge/fpgaa")
    with pytest.raises(InputError, match="there is no such file"):
        load_arch("units/table1_28nm_")  # energy tables are no machines


def test_activations_by_hand():
    # Planes of 32, 16, 8 and 4: the first layer, then inputs and outputs of each stage.
    first = 3 * 1024 + 64 * 1024 + 4 * (64 + 64) * 1024
    stages = 0
    for channels, side in ((128, 16), (256, 8), (512, 4)):
        before, after = channels // 2 * (2 * side) ** 2, channels * side**2
        stages += (before + after) + 2 * after + (before + after) + 4 * after
    assert activation_elements() == first + stages


def test_energy_of_a_row_by_hand():
    # Row SDt: 1.74 MiB and 8-bit activations at 64 pJ, 209.8 M operations at half 2 pJ each.
    expected = (1.74 * 2**20 + activation_elements()) * 64 + 209.8e6 / 2 * 2.0
    assert edge_energy(ablation_row("SDt")) == pytest.approx(expected)


def test_the_order_is_the_printed_one_but_not_the_size():
    assert edge_gain("1") == 1
    assert edge_gain("2") < 1 < edge_gain("3")
    assert edge_order() > 0.8
    assert edge_gain("SDt") > 10 * ablation_row("SDt").efficiency.value


def test_a_part_that_no_model_saves_explains_nine_rows():
    largest = ablation_row("1").size.value
    near = [
        row.name
        for row in ablation_rows()
        if row.efficiency and row.name != "1"
        and abs(1 / (0.195 + 0.805 * row.size.value / largest) / row.efficiency.value - 1) < 0.1
    ]  # fmt: skip
    assert near == ["3", "6", "7", "8", "8d", "9+", "SD", "SDt", "SDtd"]
