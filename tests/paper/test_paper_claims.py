"""The 42 claims: all there, computed, and in agreement with arithmetic by another hand."""

import ast
import json
import re
from pathlib import Path

import pytest
import yaml

import archsim.paper
from archsim.paper import reports
from archsim.paper.claims import VERDICTS
from archsim.paper.context import Context, Wanted
from archsim.paper.context import context as context_of
from archsim.paper.formula import FormulaError, filled, value
from archsim.paper.lines import lines
from archsim.paper.runs import Totals

pytestmark = pytest.mark.slow  # most of them are about one run of all claims

DATA = Path(archsim.paper.__file__).parent / "data"
ENTRIES = yaml.safe_load((DATA / "claims.yaml").read_text())
UNDECIDED = [entry["id"] for entry in ENTRIES if "lines" not in entry]
SMALL = ("VGG19",)
CHEAP_NEEDS = {"S", "P", "A", "H"}


@pytest.fixture(scope="module")
def context(tmp_path_factory):
    wanted = Wanted(networks=SMALL, out=tmp_path_factory.mktemp("out"))
    return context_of(wanted, cached=False)


@pytest.fixture(scope="module")
def claims(context):
    heavy = {11, 12}  # measure other networks than the small one
    found = reports.claims(context, [n for n in range(1, 43) if n not in heavy])
    return {claim.id: claim.to_dict() for claim in found}


def test_there_are_forty_two_and_each_has_what_it_should():
    assert [entry["id"] for entry in ENTRIES] == list(range(1, 43))
    for entry in ENTRIES:
        assert {"id", "where", "needs", "paper", "claim", "reason"} <= entry.keys()
        assert entry.keys() <= {"id", "where", "needs", "paper", "claim", "reason",
                                "let", "if", "lines", "without"}  # fmt: skip


def test_each_has_a_verdict_a_reason_and_a_form_for_json(claims):
    for claim in claims.values():
        assert claim["verdict"] in VERDICTS
        assert len(claim["reason"]) > 10
        assert {"id", "claim", "paper", "ours", "verdict", "reason"} <= claim.keys()
    json.dumps(list(claims.values()), allow_nan=False)


def test_what_needs_only_arithmetic_shapes_or_simulation_carries_a_number(claims):
    for number, claim in claims.items():
        if {*claim["needs"].split()} <= CHEAP_NEEDS and number not in UNDECIDED:
            assert claim["ours"], number


def test_open_claims_have_no_finding(claims):
    assert UNDECIDED == [7, 8, 9, 13, 27, 28, 32, 38, 40]
    for number in UNDECIDED:
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


def entries_with_ours(specs):
    for spec in specs:
        yield from entries_with_ours(spec["lines"]) if "lines" in spec else [spec]


def test_no_claim_holds_a_constant_of_its_own():
    """`ours` names what is computed or printed; a number in it is a unit or a shape."""
    formulas = [
        str(line["ours"])
        for entry in ENTRIES
        for line in entries_with_ours(entry.get("lines", ()))
        if "take" not in line
    ]
    assert len(formulas) > 40
    for formula in formulas:
        names = {node.id for node in ast.walk(ast.parse(formula)) if isinstance(node, ast.Name)}
        assert names or formula == "None", formula


@pytest.mark.parametrize(
    ("off", "finding"), [(0.101, "differs"), (0.099, "meets"), (-0.101, "differs")]
)
def test_a_simulated_number_may_be_a_tenth_off_and_no_more(tmp_path, off, finding, monkeypatch):
    """Claim 4 prints 6.7 and 19.2; its entry says 10 %, and so do those of the figures."""
    parts = {"DRAM": 1.0, "buffers": 1.0, "the rest": 1.0}
    runs = {
        "diannao": Totals(1920, 1920, 670.0, parts, 1, {}, 1),
        "smartdeal": Totals(100, 100, 100 / (1 + off), parts, 1, {}, 1),
    }
    monkeypatch.setattr(Context, "grid", {"VGG19": runs})
    context = context_of(Wanted(networks=SMALL, out=tmp_path), cached=False)
    (claim,) = reports.claims(context, [4])
    energy, speed = claim.lines
    assert energy.ours == pytest.approx(6.7 * (1 + off))
    assert energy.finding == finding
    assert speed.finding == "meets"
    figure = {line.what: line for line in reports.report("fig8", context).lines}
    assert figure["gain over DianNao, best network"].finding == finding


def line(ours, paper, **keys):
    (made,) = lines([{"what": "x", "paper": paper, "ours": str(ours), **keys}], {})
    return made


@pytest.mark.parametrize(
    ("ours", "paper", "keys", "finding"),
    [
        (2.004, "2.00", {}, "meets"),
        (2.006, "2.00", {}, "differs"),
        (2.006, "2.00", {"else": "contradicts"}, "contradicts"),
        (3.5, "2 to 3.5", {}, "meets"),
        (3.51, "2 to 3.5", {}, "differs"),
        (1.79, "2 to 3.5", {"test": "within 10 %"}, "differs"),
        (3.84, "2 to 3.5", {"test": "within 10 %"}, "meets"),
        (1, "> 1", {}, "differs"),
        (1, ">= 1", {}, "meets"),
        (1.01, "<= 1", {}, "differs"),
        (31.4, "32.4", {"test": "within 1.5 points"}, "meets"),
        (30.8, "32.4", {"test": "within 1.5 points"}, "differs"),
        (10.1, "10", {"test": "equal"}, "differs"),
        (10, "9", {"test": "open"}, "open"),
        (10, "-", {}, "open"),
        (10, "10", {"open": "3 > 2"}, "open"),
        (10, "9", {"holds": "ours == 10"}, "meets"),
        (10, "9", {"holds": "ours == 10", "then": "open"}, "open"),
    ],
)
def test_judgement_of_a_number(ours, paper, keys, finding):
    assert line(ours, paper, **keys).finding == finding


def test_a_line_without_a_number_says_what_would_make_it():
    made = line(None, "2.0", how="a run", without="sdalgo build {name}".replace("{name}", "x"))
    assert (made.ours, made.finding, made.ratio, made.how) == (None, "open", None, "sdalgo build x")


def test_the_ratio_is_to_a_printed_number_alone():
    assert line(3, "2.0").ratio == 1.5
    assert line(3, "> 2").ratio is None
    assert line(3, "0.00").ratio is None


@pytest.mark.parametrize(
    ("formula", "wrong"),
    [("1 +", "no formula"), ("nothing", "'nothing'"), ("row.x", "'x'"), ("row._x", "'_x'"),
     ("row.get(1)", "only a name"), ("lambda: 1", "Lambda"), ("row[3]", "3")],
)  # fmt: skip
def test_a_formula_that_cannot_be_read_says_why(formula, wrong):
    with pytest.raises(FormulaError, match=re.escape(wrong)):
        value(formula, {"row": {"a": "1"}})


def test_formulas():
    known = {"row": {"a": "4.0", "b": ["2", "-"]}, "twice": lambda n: 2 * n}
    assert float(value("twice(row.a) / row.b[0] - 1", known)) == 3
    assert value("row.b[1]", known) is None
    assert value("[n * m for n, m in [[1, 2], [3, 4]] if n > 1]", known) == [12]
    assert value("{f'{n:.1f}': -n for n in [1] for m in [2, 3] if not m in [3]}", known) == {
        "1.0": -1
    }
    assert filled("{row.a}, {row.a / 3:.2f}: {twice(1)} {'a: b'}", known) == "4.0, 1.33: 2 a: b"
