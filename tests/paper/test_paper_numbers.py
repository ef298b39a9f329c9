"""Printed numbers, shapes and ratios against sums by another hand."""

import math
from fractions import Fraction
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

import archsim.paper
from archsim.paper import ratios, shapes, size_tables
from archsim.paper.printed import exactly, printed
from archsim.paper.runs import Totals
from archsim.paper.sensitivity import common

DATA = Path(archsim.paper.__file__).parent / "data"


def raw(name):
    """A data file read by another reader than the package's."""
    return yaml.safe_load((DATA / f"{name}.yaml").read_text())


def test_a_printed_number_stands_for_what_rounds_to_it():
    found = printed("42.59")
    assert (found.low, found.high) == (pytest.approx(42.585), pytest.approx(42.595))
    assert printed("120").meets(exactly(119.6))
    assert not printed("120").meets(exactly(120.6))
    assert printed("0.00").low == 0.0
    assert printed("-1.43").meets(exactly(-1.4349))


@given(
    st.integers(1, 10**6),
    st.integers(1, 10**6),
    st.floats(-0.49, 0.49),
    st.floats(-0.49, 0.49),
)
def test_ratios_of_anything_within_rounding_lie_in_the_ratio_of_spans(a, b, da, db):
    span = printed(f"{a / 100:.2f}") / printed(f"{b / 100:.2f}")
    true = (a + da) / (b + db)
    assert span.low * (1 - 1e-9) <= true <= span.high * (1 + 1e-9)


@given(st.integers(1, 5000), st.sampled_from([96, 192]))
def test_slices_are_equal_fit_unless_prime_and_strip_the_smallest_factors(rows, most):
    count = shapes.factor_slices(rows, most)
    if rows in {427, 683, 1366}:
        assert count == math.ceil(rows / most)
        return
    assert rows % count == 0
    height = rows
    while height > most:  # the rule once more, by trial division upwards
        factors = [p for p in range(2, height) if height % p == 0]
        if not factors:
            break
        height //= factors[0]
    assert rows // height == count


def test_resnet18_is_the_network_of_table_2():
    found = shapes.resnet18_shapes()
    assert sum(math.prod(shape) for shape in found) == 11_164_352
    assert shapes.resnet18_conv_macs() == 555_417_600
    counted = shapes.counts(found)
    assert (counted.coefficients, counted.slices) == (11_165_898, 20_042)


def test_mobilenet_v2_is_the_network_of_tables_5_and_6():
    for classes, mib in ((10, "8.63"), (100, "9.07")):
        weights = sum(math.prod(shape) for shape in shapes.mobilenet_v2_shapes(classes))
        assert f"{weights * 4 / 2**20:.2f}" == mib


def test_operations_of_table_2_by_fractions():
    rows = raw("tables")["table2"]["rows"]
    for row in size_tables.ablation_rows():
        _, _, _, weights, coefficients, _ = rows[row.name]
        ours = Fraction(2 * 555_417_600) * Fraction(str(weights)) / 100
        if coefficients != "-":
            ours += 6 * 11_165_898 * Fraction(str(coefficients)) / 100
        assert size_tables.operations(row).value == pytest.approx(float(ours) / 1e6, rel=1e-9)


@pytest.mark.parametrize("name", ["7", "SD", "SDt"])
def test_code_bits_of_table_2_rebuild_the_printed_size(name):
    row = size_tables.ablation_row(name)
    nonzeros = 11_165_898 * row.ce.middle.value
    bits = size_tables.code_bits(row).value * nonzeros + 11_165_898 + 20_042 * 9 * 8
    assert bits / 8 / 2**20 == pytest.approx(row.size.value, rel=1e-3)


def test_code_bits_of_tables_3_and_4_rebuild_the_printed_coefficients():
    for table in ("table3", "table4"):
        for row in size_tables.size_rows(table):
            unit = 2**20 if row.network == "MLP-1" else 10**6
            weights = row.original.value * unit / 4
            left = weights * (1 - row.sparsity.value / 100)
            size = row.code_bits.value * left / 8 / unit
            assert size == pytest.approx(row.coefficients.value, rel=1e-2)


def totals(cycles, energy, dram):
    return Totals(cycles, cycles, energy, {}, dram, {}, 1)


GRID = {
    "A": {"diannao": totals(100, 60.0, 30), "scnn": totals(50, 40.0, 33),
          "smartdeal": totals(20, 15.0, 20)},
    "B": {"diannao": totals(90, 80.0, 24), "smartdeal": totals(30, 16.0, 12)},
}  # fmt: skip


def test_ratios_of_a_grid_by_hand():
    assert ratios.speedup(GRID)["A"] == {"diannao": 1, "scnn": 2, "smartdeal": 5}
    assert ratios.energy_gain(GRID)["B"] == {"diannao": 1, "smartdeal": 5}
    assert ratios.dram_accesses(GRID)["A"]["scnn"] == 33 / 20
    assert ratios.over(ratios.speedup(GRID), "scnn") == {"A": 2.5}
    assert ratios.ranking(ratios.speedup(GRID)) == ["smartdeal", "scnn", "diannao"]
    assert ratios.geometric_mean([2, 8]) == pytest.approx(4)
    assert sorted(ratios.others(ratios.dram_accesses(GRID))) == [1.5, 1.65, 2.0]


def test_only_what_two_grids_share_is_compared():
    part = {"A": {"diannao": GRID["A"]["diannao"], "smartdeal": GRID["A"]["smartdeal"]}}
    assert common(GRID, part) == part
    assert common(part, GRID) == part


def test_a_mean_of_nothing_is_refused():
    with pytest.raises(ValueError, match="mean of nothing"):
        ratios.geometric_mean([])
