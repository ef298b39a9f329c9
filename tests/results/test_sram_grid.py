"""SRAM by the size of a bank and the width of its port: values of a grid, between its points and
beyond them, and the width that a port has."""

import json
import math
from itertools import pairwise

import pytest
import yaml
from loading_files import ARCH, problems, write
from tiny_networks import conv, network

import archsim
from archsim.arch.change_files import load_scenario
from archsim.arch.components.global_buffer import GlobalBuffer
from archsim.formats.errors import InputError
from archsim.formats.search import find, inner_names, names
from archsim.results.energy import load_energy
from archsim.results.silicon import bank_of

TABLE = "format: archsim-energy/1\nname: x\nsource: a test\n"
CACTI = find("archs/units", "cacti_28nm")
POINTS = yaml.safe_load(CACTI.read_text())["sram"]
SQUARE = """sram:
  - {kbytes: 2, bits: 16, read_pj: 1, write_pj: 10, area_mm2: 0.1, leak_mw: 0.01}
  - {kbytes: 2, bits: 64, read_pj: 3, write_pj: 20, area_mm2: 0.2, leak_mw: 0.01}
  - {kbytes: 8, bits: 16, read_pj: 2, write_pj: 50, area_mm2: 0.4, leak_mw: 0.03}
  - {kbytes: 8, bits: 64, read_pj: 7, write_pj: 90, area_mm2: 0.5, leak_mw: 0.05}
"""


def bank(kbytes, bits):
    return GlobalBuffer(banks=1, bank_kbytes=kbytes, bytes_per_cycle=bits / 8, port_bits=bits)


def grid(tmp_path, text=SQUARE):
    return load_energy(write(tmp_path, "x.yaml", TABLE + text)).sram


def test_a_point_of_the_grid_has_its_own_values():
    """The table as another reader of YAML sees it: 80 points and more, to the last digit."""
    found = load_energy(CACTI)
    for point in POINTS:
        place = point["kbytes"], point["bits"]
        for column in ("read_pj", "write_pj", "area_mm2", "leak_mw", "access_ns"):
            assert found.sram.value(column, *place) == point[column]
        per_byte = found.price(bank(*place), "read")
        assert per_byte == pytest.approx(point["read_pj"] / (point["bits"] / 8))
        assert not found.sram.beyond(*place)


@pytest.mark.parametrize(("kbytes", "bits"), [(3, 20), (2, 32), (7.5, 63), (4, 16), (5.5, 48)])
def test_between_points_a_second_bilinear_formula_agrees(tmp_path, kbytes, bits):
    """The weights of the four corners are the opposite areas of the square, in logarithms."""
    k = math.log(kbytes / 2), math.log(8 / kbytes)
    b = math.log(bits / 16), math.log(64 / bits)
    corners = {(0, 0): (1, 10), (0, 1): (3, 20), (1, 0): (2, 50), (1, 1): (7, 90)}
    whole = math.log(4) ** 2
    for at, column in enumerate(("read_pj", "write_pj")):
        expected = sum(k[1 - i] * b[1 - j] * value[at] for (i, j), value in corners.items()) / whole
        assert grid(tmp_path).value(column, kbytes, bits) == pytest.approx(expected, rel=1e-12)


def test_sizes_with_other_widths_are_each_followed_along_their_own(tmp_path):
    """2 KB has 16 and 64 bits, 8 KB 32 and 64: at 4 KB and 45.25 bits, half way in both."""
    text = SQUARE.replace("kbytes: 8, bits: 16", "kbytes: 8, bits: 32")
    low = 1 + 2 * 0.75  # log2(45.25 / 16) = 1.5 of 2 doublings
    high = 2 + 5 * 0.5
    assert grid(tmp_path, text).value("read_pj", 4, 2**5.5) == pytest.approx((low + high) / 2)


def test_beyond_the_grid_the_last_slope_goes_on_as_a_power_law(tmp_path):
    """Twice as much per factor 4 of the size at 16 bits: 4 pJ at 32 KB, 0.25 at 2^-3 KB; three
    times as much per factor 4 of the width at 2 KB: 9 pJ at 256 bits."""
    found = grid(tmp_path)
    assert found.value("read_pj", 32, 16) == pytest.approx(4)
    assert found.value("read_pj", 2**-3, 16) == pytest.approx(0.25)
    assert found.value("read_pj", 2, 256) == pytest.approx(9)
    assert found.value("read_pj", 8, 256) == pytest.approx(49 / 2)
    corner = 49 / 2 * (49 / 2 / 9)  # 9 at 2 KB and 24.5 at 8 KB, 256 bits
    assert found.value("read_pj", 32, 256) == pytest.approx(corner)
    inside, outside = [(2, 16), (3, 20), (8, 64)], [(1.9, 20), (9, 20), (3, 15), (3, 65)]
    assert [found.beyond(*each) for each in inside + outside] == [False] * 3 + [True] * 4


@pytest.mark.parametrize("column", ["read_pj", "write_pj", "area_mm2", "leak_mw"])
def test_more_bank_costs_more_where_the_grid_says_so(column):
    """Along 64 bits every column of CACTI rises with the size; so do banks between and beyond."""
    found = load_energy(CACTI).sram
    own = [point[column] for point in POINTS if point["bits"] == 64]
    assert all(one < more for one, more in pairwise(own))
    values = [found.value(column, 2 ** (step / 7), 64) for step in range(-20, 140)]
    assert all(0 < one < more for one, more in pairwise(values))


def test_a_bank_of_a_gigabyte_is_as_large_as_it_is():
    """2^30 bytes of the densest SRAM there is would take 8.6e9 bits of 0.1 um2, 860 mm2; a straight
    line in log size would come to 7."""
    area = load_energy(CACTI).sram.value("area_mm2", 2**20, 256)
    assert 860 < area < 5000


@pytest.mark.parametrize("kbytes", [2**-10, 2**-3, 1, 2**10, 2**30])
@pytest.mark.parametrize("step", [0.363, 1.36, 50])
def test_no_bank_of_a_base_and_a_step_is_priced_negative(tmp_path, kbytes, step):
    text = f"sram: {{base_pj: 1.36, base_kbytes: 2, pj_per_doubling: {step}}}\n"
    found = load_energy(write(tmp_path, "x.yaml", TABLE + text))
    assert found.price(bank(kbytes, 8), "read") >= 0


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("bits: 64, read_pj: 7", "bits: 16, read_pj: 7"), "a bank of 8 KB with a port of 16 bits "
         "stands there twice; leave out one"),
        (("kbytes: 8", "kbytes: 2"), "stands there twice"),
        (("bits: 16, read_pj: 1,", "bits: 16, read_pj: 0,"), "sram[0].read_pj: must be at least"),
        (("bits: 16, read_pj: 1,", "bits: 16, read_pj: .inf,"), "must be a finite number"),
        ((", leak_mw: 0.03", ""), "a bank of 8 KB with a port of 16 bits has no leak_mw, and "
         "others have; give it to all or to none"),
        (("bits: 16, read_pj: 1,", "bits: 16,"), "sram[0]: the key 'read_pj' is missing"),
        (("area_mm2: 0.1,", "area: 0.1,"), "there is no key 'area'; did you mean 'area_mm2'?"),
        (("kbytes: 2, bits: 16", "kbytes: 0, bits: 16"), "sram[0].kbytes: must be at least"),
        (("kbytes: 2, bits: 16", "kbytes: 2, bits: 0"), "sram[0].bits: must be at least 1, not 0"),
    ],
)  # fmt: skip
def test_a_grid_that_is_wrong_says_where(tmp_path, change, said):
    assert SQUARE.count(change[0])
    found = problems(lambda path: grid(path, SQUARE.replace(*change)), tmp_path)
    assert any(said in each and each.startswith("FILE/x.yaml:") for each in found), found


@pytest.mark.parametrize("lines", [0, 1, 2, 3])
def test_a_grid_without_a_slope_is_refused(tmp_path, lines):
    """No point, one, one size, and a size with one width."""
    text = "".join(SQUARE.splitlines(keepends=True)[: lines + 1])
    text = text if lines else "sram: []\n"
    (said,) = problems(lambda folder: grid(folder, text), tmp_path)
    assert "a grid needs two sizes, and two widths of each" in said


def test_a_bank_too_far_from_the_grid_is_an_error_and_not_infinity(tmp_path):
    text = SQUARE.replace("read_pj: 7", "read_pj: 7000000")
    with pytest.raises(InputError, match="add points nearer to it"):
        grid(tmp_path, text).value("read_pj", 2**30, 2**20)


def test_a_port_is_as_wide_as_its_bank_has_to_give():
    """The rule: 8 x bytes per cycle / banks, of one copy, unless the file says so. Where that is a
    less than a byte, one bank gives all of it: 32 banks of 31 bytes per cycle 248 bits, of 32 bytes
    8."""
    wide = GlobalBuffer(banks=128, bank_kbytes=2, bytes_per_cycle=1024)
    copies = GlobalBuffer(banks=2, bank_kbytes=2, bytes_per_cycle=32, count=64)
    own = GlobalBuffer(banks=32, bank_kbytes=16, bytes_per_cycle=16, port_bits=128)
    assert [bank_of(each)[1] for each in (wide, copies, own)] == [64, 128, 128]
    speeds = {0.001: 1, 0.5: 4, 16: 128, 31: 248, 32: 8, 33: 8.25}
    for speed, bits in speeds.items():
        for count in (1, 8):
            part = GlobalBuffer(banks=32, bank_kbytes=16, bytes_per_cycle=speed, count=count)
            assert bank_of(part)[1] == bits


@pytest.mark.parametrize("name", [*names("archs"), *inner_names("archs")])
def test_the_scenario_prices_every_machine_by_ports_of_a_byte_or_more(name):
    """Whatever its buffers are called: the scenario names no component."""
    plain = archsim.load_arch(name)
    arch = archsim.load_arch(name, load_scenario("cacti", [plain]).on(plain.resolved))
    assert arch.energy_paths == (CACTI,)
    for part in arch.components.values():
        assert part.kind != "storage" or bank_of(part)[1] >= 8


def test_no_port_is_wider_than_its_bank(tmp_path):
    """16 KB have 131 072 bits, however fast a comparison makes the buffer."""
    endless = GlobalBuffer(banks=2, bank_kbytes=16, bytes_per_cycle=2**40)
    held = GlobalBuffer(banks=2, bank_kbytes=16, bytes_per_cycle=2**40, port_bits=4.5)
    assert [bank_of(each)[1] for each in (endless, held)] == [131_072, 4.5]
    path = write(tmp_path, "arch.yaml", ARCH)
    (said,) = problems(lambda file: archsim.load_arch(file, ["weight_gb.port_bits=131073"]), path)
    assert said.endswith("a bank of 16 KB has 131072 bits, and no port of 131073")


def test_diannaos_weights_cost_what_a_port_of_64_bits_does():
    """SB reads 1024 bytes per cycle of 128 banks of 2 KB; CACTI has 1.1559 pJ for 64 bits there."""
    arch = archsim.load_arch("diannao", {"energy": "units/cacti_28nm"})
    found = load_energy(CACTI).price(arch.components["sb"], "read")
    assert found == pytest.approx(1.1559 / 8)


def test_a_port_is_a_key_that_stands_in_a_result_where_it_is_set(tmp_path):
    """`resolved`, and with it the hash of an arch and its results, are as without the key."""
    path = write(tmp_path, "arch.yaml", ARCH)
    plain, same, own = (
        archsim.load_arch(path, keys)
        for keys in ([], ["weight_gb.port_bits=null"], ["weight_gb.port_bits=512"])
    )
    assert "port_bits" not in json.dumps(plain.resolved)
    assert same.resolved["components"]["weight_gb"]["port_bits"] is None
    assert own.resolved["components"]["weight_gb"]["port_bits"] == 512
    assert own.hash != plain.hash
    assert plain.keys["components"]["weight_gb"]["port_bits"] is None


@pytest.mark.parametrize("line", ["weight_gb.port_bits=255", "weight_gb.port_bits=0"])
def test_ports_that_carry_less_than_is_read_are_refused(tmp_path, line):
    """Two banks give 64 bytes per cycle: 256 bits each."""
    path = write(tmp_path, "arch.yaml", ARCH)
    (said,) = problems(lambda file: archsim.load_arch(file, [line]), path)
    fix = "take port_bits of 256 or more" if "255" in line else "must be at least 1"
    assert fix in said


def test_a_bank_beyond_the_grid_is_named_in_the_result(tmp_path):
    workload = network(tmp_path, conv("a", [], (4, 8), (6, 6)))
    keys = {"energy": "units/cacti_28nm", "nbin.port_bits": 128}
    within = archsim.simulate(archsim.load_arch("diannao", keys), workload)
    beyond = archsim.simulate(
        archsim.load_arch("diannao", keys | {"sb.bank_kbytes": 4096}), workload
    )
    said = "DianNao: sram: sb (banks of 4096 KB, ports of 64 bits) lies outside the grid of "
    assert not any("sram:" in note for note in within.notes)
    assert [note for note in beyond.notes if "sram:" in note] == [
        f"{said}cacti_28nm; its last slope goes on"
    ]
