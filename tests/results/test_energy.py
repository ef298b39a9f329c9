"""Prices: SRAM by the size of a bank, tables one over the other, and what a class brings."""

from itertools import pairwise

import pytest
from loading_files import ARCH, problems, write
from tiny_networks import conv, network

import archsim
from archsim.arch.components.dram import Dram
from archsim.arch.components.global_buffer import GlobalBuffer
from archsim.formats.errors import InputError
from archsim.formats.search import find
from archsim.machines.diannao import Nfu
from archsim.machines.systolic import SystolicArray
from archsim.results.energy import load_energy, price_actions
from archsim.runs.content import inputs_hash

TABLE = "format: archsim-energy/1\nname: x\nsource: a test\n"
SRAM = "sram: {base_pj: 4, base_kbytes: 2, pj_per_doubling: 1, min_pj: 3.5, max_pj: 6}\n"
FACTOR = "sram: {base_pj: 4, base_kbytes: 2, factor_per_doubling: 1.5}\n"
NFU = Nfu(inputs=16, outputs=64)
DRAM = Dram(bytes_per_cycle=64)
ARRAY = SystolicArray(rows=4, columns=4)
SHIPPED = find("archs/units", "table1_28nm")


def bank(kbytes):
    return GlobalBuffer(banks=4, bank_kbytes=kbytes, bytes_per_cycle=8)


@pytest.fixture
def table(tmp_path):
    """Writes a table; returns its path."""
    return lambda name, text: write(tmp_path, f"{name}.yaml", TABLE + text)


@pytest.mark.parametrize(
    ("sram", "kbytes", "price"),
    [
        (SRAM, 2, 4),
        (SRAM, 4, 5),
        (SRAM, 16, 6),  # not 7: max_pj
        (SRAM, 1, 3.5),  # not 3: min_pj
        (SRAM, 0.25, 3.5),  # not 1
        (SRAM.replace(", max_pj: 6", ""), 64, 9),
        (SRAM.replace(", max_pj: 6", ""), 1, 3.5),  # a floor without a ceiling
        (SRAM.replace("min_pj: 3.5, ", ""), 16, 6),
        (FACTOR, 8, 9),
        (FACTOR, 1, 4 / 1.5),
        ("sram: {pj: 0, reason: counted elsewhere}\n", 2, 0),
    ],
)
def test_sram_is_priced_by_its_bank_between_two_ends(table, sram, kbytes, price):
    prices = load_energy(table("x", sram))
    assert prices.price(bank(kbytes), "read") == pytest.approx(price)
    assert prices.price(bank(kbytes), "write") == pytest.approx(price)


def test_table_1_holds_at_its_banks_and_goes_on_above_them():
    """Table I has 1.36 to 2.45 pJ per byte, on banks of 2 to 16 KB here; 0.363 more per doubling is
    the line through both, to 1 GB: 2.449 + 16 x 0.363.
    """
    prices = load_energy(SHIPPED)
    found = [prices.price(bank(size), "read") for size in (0.5, 1, 2, 16, 32, 1024, 2**20)]
    assert found == pytest.approx([1.36, 1.36, 1.36, 2.45, 2.812, 4.627, 8.257], abs=2e-3)


@pytest.mark.parametrize("name", ["table1_28nm", "training_65nm", "interstellar"])
def test_no_bank_is_as_cheap_as_one_of_half_its_size(name):
    """Above 16 KB every doubling costs more, and in training 65/28 of what it costs in 28 nm."""
    prices = load_energy(find("archs/units", name))
    found = [prices.price(bank(2.0**size), "read") for size in range(1, 21)]
    assert all(one < more for one, more in pairwise(found))
    if name == "training_65nm":
        small = load_energy(SHIPPED)
        wanted = [small.price(bank(2.0**size), "read") * 65 / 28 for size in range(1, 21)]
        assert found == pytest.approx(wanted, rel=2e-3)


def test_a_later_table_wins_per_class_and_action(table):
    first = table("first", SRAM + "classes:\n  Nfu: {mac: 1, psum_access: 2}\n  Dram: {read: 3}\n")
    then = table("then", "classes:\n  Nfu: {mac: 10}\n  Dram: {write: 30}\n")
    prices = load_energy(first, then)
    assert [prices.price(NFU, each) for each in ("mac", "psum_access")] == [10, 2]
    assert [prices.price(DRAM, each) for each in ("read", "write")] == [3, 30]
    assert prices.price(bank(2), "read") == 4
    assert load_energy(then, first).price(NFU, "mac") == 1
    assert prices.files == (first, then)


def test_a_table_extends_another_beside_it_and_wins(table, tmp_path):
    below = table("below", SRAM + "classes: {Nfu: {mac: 1, psum_access: 2}}\n")
    middle = table("middle", "extends: below\nclasses: {Nfu: {mac: 10}}\n")
    top = write(
        tmp_path, "units/top.yaml", TABLE + "extends: [../middle]\nclasses: {Nfu: {other: 5}}\n"
    )
    prices = load_energy(top)
    assert [prices.price(NFU, each) for each in ("mac", "psum_access", "other")] == [10, 2, 5]
    assert [path.resolve() for path in prices.files] == [below, middle, top]


def test_tables_that_extend_each_other_are_refused(table):
    other = table("other", "extends: mine\n")
    mine = table("mine", "extends: other\n")
    (said,) = problems(load_energy, mine)
    assert said.startswith(f"{other}:4:10: ")
    assert said.endswith("FILE; leave out one `extends`")
    itself = table("itself", "extends: itself\n")
    assert problems(load_energy, itself) == [
        "FILE:4:10: FILE extends FILE; leave out one `extends`"
    ]


def test_a_table_that_is_not_there_is_named_with_its_place(table):
    (said,) = problems(load_energy, table("mine", "extends: [units/table1_28nm, units/tabel1]\n"))
    assert said.startswith("FILE:4:30: there is no energy table 'units/tabel1'; did you mean ")


def test_a_class_brings_prices_and_a_table_wins_over_them(table):
    assert load_energy(SHIPPED).price(ARRAY, "mac") == ARRAY.prices["mac"].pj == 0.143
    own = table("own", "classes: {SystolicArray: {mac: 0.5}}\n")
    prices = load_energy(SHIPPED, own)
    assert prices.price(ARRAY, "mac") == 0.5
    assert prices.price(ARRAY, "psum_access") == ARRAY.prices["psum_access"].pj
    free = table("free", "classes: {SystolicArray: {mac: {pj: 0, reason: only a test}}}\n")
    assert load_energy(SHIPPED, free).price(ARRAY, "mac") == 0


def test_an_action_that_such_a_class_does_not_have_is_an_error(table):
    (said,) = problems(load_energy, table("own", "classes: {SystolicArray: {macs: 0.5}}\n"))
    assert said == (
        "FILE:4:27: there is no action of class SystolicArray called 'macs'; did you mean 'mac'? "
        "legal: mac, operand_access, psum_access, accumulator_access"
    )


def test_the_array_costs_what_the_multipliers_of_the_other_machines_cost():
    """The defaults of `SystolicArray` say that they are those of units/table1_28nm."""
    prices = load_energy(SHIPPED)
    for action, same in (("mac", "mac"), ("psum_access",) * 2, ("operand_access", "psum_access")):
        assert prices.price(ARRAY, action) == prices.price(NFU, same)
    assert prices.price(ARRAY, "accumulator_access") == prices.price(bank(2), "read")


def test_an_arch_names_a_list_of_tables(table, tmp_path):
    table("mine", "classes: {Nfu: {mac: 1.143}}\n")
    path = write(tmp_path, "arch.yaml", ARCH)
    workload = network(tmp_path, conv("a", [], (4, 8), (6, 6)))
    plain = archsim.load_arch(path)
    both = archsim.load_arch(path, ["energy=[units/table1_28nm, mine]"])
    assert plain.resolved["energy"] == "units/table1_28nm"
    assert both.resolved["energy"] == ["units/table1_28nm", "mine"]
    cheap, dear = (archsim.simulate(arch, workload) for arch in (plain, both))
    macs = sum(layer.macs_done for layer in dear.layers)
    assert dear.energy_by["nfu"] - cheap.energy_by["nfu"] == pytest.approx(macs)
    others = cheap.energy_by.keys() - {"nfu"}
    assert {cheap.energy_by[name] - dear.energy_by[name] for name in others} == {0}


def test_the_hash_of_inputs_covers_every_table(table, tmp_path):
    workload = network(tmp_path, conv("a", [], (4, 8), (6, 6)))
    table("below", "classes: {Nfu: {mac: 1}}\n")
    table("mine", "extends: below\n")
    path = write(tmp_path, "arch.yaml", ARCH)
    arch = archsim.load_arch(path, ["energy=[units/table1_28nm, mine]"])
    before = inputs_hash(arch, workload)
    assert inputs_hash(arch, workload) == before
    table("below", "classes: {Nfu: {mac: 2}}\n")
    assert inputs_hash(arch, workload) != before


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("energy=[]", "energy: must have at least 1 items, not 0"),
        ("energy=3", "energy: must be text, not 3"),
        ("energy=[units/table1_28nm, 3]", "energy[1]: must be text, not 3"),
        ("energy=[units/table1_28n]", "there is no energy table 'units/table1_28n'; did you mean "),
    ],
)
def test_names_of_tables_are_checked(tmp_path, line, message):
    path = write(tmp_path, "arch.yaml", ARCH)
    with pytest.raises(InputError) as caught:
        archsim.load_arch(path, [line])
    (said,) = str(caught.value).splitlines()
    assert said.startswith(f"--set {line}: {message}")


def test_tables_without_a_price_for_sram_say_what_to_add(table, tmp_path):
    table("alone", "classes: {Dram: {read: 1, write: 1}}\n")
    arch = archsim.load_arch(write(tmp_path, "arch.yaml", ARCH), {"energy": "alone"})
    with pytest.raises(InputError, match=r"alone\.yaml: no price .* add sram \(base_pj"):
        archsim.simulate(arch, network(tmp_path, conv("a", [], (4, 8), (6, 6))))


@pytest.mark.parametrize(
    ("prices", "place", "said"),
    [
        ("Darm: {read: 1, write: 1}", "4:11", "no component class 'Darm'; did you mean 'Dram'?"),
        ("Zzzz: {read: 1}", "4:11", "there is no component class 'Zzzz'"),
        ("Nfu: {macc: 1}", "4:17", "no action of class Nfu called 'macc'; did you mean 'mac'?"),
    ],
)
def test_a_misspelt_name_is_no_price(table, prices, place, said):
    """Beside a table that has the right name it would be passed over in silence."""
    mine = table("mine", f"classes: {{{prices}}}\n")
    (found,) = problems(lambda path: load_energy(SHIPPED, path), mine)
    assert said in found
    assert f":{place}:" in found


NOT_NUMBERS = ["true", "'5'", "null", ".nan", "[1]"]
NUMBERS = {
    "a price": "classes: {{Dram: {{read: {}, write: 1}}}}\n",
    "a price by width": "classes: {{Nfu: {{mac: {{8: {}}}}}}}\n",
    "an area": "areas: {{Nfu: {{multiplier: {}}}}}\n",
    "a power": "leakage: {{Nfu: {{multiplier: {}}}}}\n",
    "a period": "periods: {{Nfu: {{multiplier: {}}}}}\n",
    "a bank's base": "sram: {{base_pj: {}, base_kbytes: 2}}\n",
    "a point": "sram: [{{kbytes: {}, bits: 8, read_pj: 1, write_pj: 1}}]\n",
}


@pytest.mark.parametrize("text", NUMBERS.values(), ids=NUMBERS)
@pytest.mark.parametrize("value", NOT_NUMBERS)
def test_nothing_but_a_number_is_one(table, text, value):
    """Neither `true`, which Python counts as 1, nor a number in quotes."""
    found = problems(load_energy, table("mine", text.format(value)))
    assert any("number" in said or "mapping" in said for said in found), found


def test_an_action_like_another_one_is_legal_beside_it(table):
    mine = table("mine", "classes: {Nfu: {mac: 1, macs: 2}}\n")
    assert load_energy(SHIPPED, mine).price(NFU, "macs") == 2


def test_all_prices_that_are_missing_are_said_at_once(table):
    prices = load_energy(table("none", SRAM))
    with pytest.raises(InputError) as error:
        price_actions(prices, {"nfu": NFU}, {"nfu": {"mac": 3, "psum_access": 2}})
    assert ["mac" in str(each) for each in error.value.problems] == [True, False]
