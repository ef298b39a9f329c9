"""The 42 claims: all there, computed, and in agreement with arithmetic by another hand."""

import ast
import json
from pathlib import Path

import pytest
import yaml

import archsim.paper
from archsim.paper import claims_open, contents
from archsim.paper.claim import VERDICTS
from archsim.paper.context import Wanted
from archsim.paper.context import context as context_of

DATA = Path(archsim.paper.__file__).parent / "data"
SMALL = ("VGG19",)
CHEAP_NEEDS = {"S", "P", "A", "H"}


@pytest.fixture(scope="module")
def context(tmp_path_factory):
    wanted = Wanted(networks=SMALL, out=tmp_path_factory.mktemp("out"))
    return context_of(wanted, cached=False)


@pytest.fixture(scope="module")
def claims(context):
    heavy = {11, 12}  # measure other networks than the small one
    every = [int(entry["id"]) for entry in yaml.safe_load((DATA / "claims.yaml").read_text())]
    found = contents.claims(context, [number for number in every if number not in heavy])
    return {claim.id: claim.to_dict() for claim in found}


def test_there_are_forty_two_and_each_has_what_it_should():
    entries = yaml.safe_load((DATA / "claims.yaml").read_text())
    assert [entry["id"] for entry in entries] == list(range(1, 43))
    for entry in entries:
        assert {"id", "where", "needs", "paper", "claim"} == entry.keys()


def test_each_has_a_verdict_a_reason_and_a_form_for_json(claims):
    for claim in claims.values():
        assert claim["verdict"] in VERDICTS
        assert len(claim["reason"]) > 10
        assert {"id", "claim", "paper", "ours", "verdict", "reason"} <= claim.keys()
    json.dumps(list(claims.values()), allow_nan=False)


def test_what_needs_only_arithmetic_shapes_or_simulation_carries_a_number(claims):
    for number, claim in claims.items():
        if {*claim["needs"].split()} <= CHEAP_NEEDS and number not in claims_open.REASONS:
            assert claim["ours"], number


def test_open_claims_have_no_finding(claims):
    for number in claims_open.REASONS:
        assert claims[number]["verdict"] == "not checkable here"
        assert claims[number]["ours"] == {}


def test_ratios_of_printed_numbers_by_another_hand(claims):
    tables = yaml.safe_load((DATA / "tables.yaml").read_text())
    chip = tables["table7"]["rows"]["SD-T accelerator"][2]
    assert claims[3]["ours"]["over the edge GPU"] == pytest.approx(
        chip / tables["table7"]["rows"]["edge GPU"][2]
    )
    rates = [
        entry["original"][2] / row[3]
        for entry in tables["table3"]["networks"].values()
        for row in entry["rows"]
    ]
    assert max(claims[10]["ours"].values()) == pytest.approx(max(rates))
    two, three = tables["table2"]["rows"]["2"], tables["table2"]["rows"]["3"]
    assert claims[19]["ours"]["size, row 2 over row 3"] == pytest.approx(two[2] / three[2])
    sizes = [
        arms["VA"][2] / arms[arm][2]
        for name in ("table5", "table6")
        for arms in tables[name]["rows"].values()
        for arm in ("SD", "SS")
    ]
    assert max(claims[2]["ours"].values()) == pytest.approx(max(sizes), rel=1e-3)
    assert min(abs(size - 10.56) for size in sizes) > 0.02  # no ratio comes closer


def test_simulated_claims_follow_from_the_grid(claims, context):
    row = context.grid["VGG19"]
    speed = row["diannao"].cycles / row["smartdeal"].cycles
    energy = row["diannao"].energy_pj / row["smartdeal"].energy_pj
    numbers = [*claims[37]["ours"].values()]
    assert numbers[0] == pytest.approx(speed)
    assert next(iter(claims[35]["ours"].values())) == pytest.approx(energy)
    means = [row[m].cycles / row["smartdeal"].cycles for m in ("scnn", "cambricon_x")]
    assert numbers[2:4] == pytest.approx(means)
    dram = [row[m].dram_bytes / row["smartdeal"].dram_bytes for m in row if m != "smartdeal"]
    assert [*claims[36]["ours"].values()][:2] == pytest.approx([min(dram), max(dram)])


def test_no_check_returns_a_constant_of_its_own():
    """`ours`, the third argument of a Part, is always an expression, never a number in the code."""
    seen = 0
    for path in sorted(Path(archsim.paper.__file__).parent.glob("claims_*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Part":
                seen += 1
                ours = node.args[2]
                assert not isinstance(ours, ast.Constant) or ours.value is None, ast.unparse(node)
    assert seen > 30
