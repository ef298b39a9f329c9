"""`archsim paper validation`: each machine beside its own paper."""

import json
from ast import literal_eval
from pathlib import Path

import pytest

from archsim.__main__ import main
from archsim.paper import validation_page
from archsim.paper.formula import FormulaError
from archsim.paper.printed import data
from archsim.paper.validation import Row, validation


def rows(*specs):
    return validation(None, 1, lambda *_: None, specs)


def without_runs():
    return [spec for spec in data("validation") if "runs" not in spec]


def row(**keys):
    """A row of a data file, in which every scalar is text."""
    stated = {"machine": "m", "configuration": "c", "quantity": "q", "source": "s"}
    return {**stated, "published": "100", **keys}


@pytest.mark.parametrize(
    ("ours", "verdict"),
    [
        ("100", "agrees"), ("110", "agrees"), ("90", "agrees"),
        ("110.1", "differs"), ("89.9", "differs"),
    ],
)  # fmt: skip
def test_a_row_agrees_within_ten_percent(ours, verdict):
    (found,) = rows(row(ours=ours))
    assert found.verdict == verdict
    assert found.ratio == float(ours) / 100


def test_a_row_without_a_number_is_not_checkable_and_says_what_is_missing():
    (found,) = rows(row(missing="the data"))
    assert (found.ours, found.ratio, found.verdict) == (None, None, "not checkable here")
    assert found.missing == "the data"


def test_formulas_see_the_arch_and_each_other():
    named = {"nfu": "keys('diannao').components.nfu", "two": "2"}
    (found,) = rows(row(let=named, ours="two * nfu.inputs", cause="{two * nfu.outputs:.0f} apart"))
    assert (found.ours, found.cause) == (32.0, "128 apart")


def test_a_row_is_repeated_by_its_for():
    found = rows(row(**{"for": "n in [1, 2]"}, quantity="{n} of them", ours="100 * n"))
    assert [(one.quantity, one.ours) for one in found] == [("1 of them", 100), ("2 of them", 200)]


def test_a_run_is_seen_by_its_name():
    run = {"arch": "diannao", "workload": "vgg19_sd", "layers": "conv"}
    narrow = {**run, "set": {"nfu.outputs": "{64 / 2:.0f}"}}
    (found,) = rows(row(runs={"a": run, "b": narrow}, ours="b.compute_cycles / a.compute_cycles"))
    assert found.ours == 2


def test_a_formula_that_names_nothing_is_refused():
    with pytest.raises(FormulaError, match="nothing_such"):
        rows(row(ours="nothing_such"))


def test_every_row_has_a_source_and_what_is_off_has_a_cause():
    for spec in data("validation"):
        assert {"machine", "configuration", "quantity", "published", "source"} <= {*spec}
        assert "ours" in spec or spec["missing"]
    for found in rows(*without_runs()):
        assert found.verdict == "agrees" or found.cause


def test_the_peak_of_diannao_is_explained():
    """496 operations every 1.02 ns in units of 2^30, cut: what ASPLOS'14 prints."""
    found = next(one for one in rows(*without_runs()) if one.machine == "DianNao")
    assert found.ours == pytest.approx(2 * 256 * 0.98)
    assert int(496 / 1.02e-9 / 2**30) == int(found.published) == 452
    assert "452.9" in found.cause


def test_the_command_prints_json(monkeypatch, capsys):
    monkeypatch.setattr("archsim.paper.validation.data", lambda _: without_runs())
    assert main(["paper", "validation", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["rows"]
    assert {*found[0]} == {*Row.__dataclass_fields__}
    assert main(["paper", "validation"]) == 0
    assert "beside its own paper" in capsys.readouterr().out


def test_the_page_has_every_row_under_its_machine():
    found = rows(row(machine="A", ours="1", cause="small"), row(machine="B", missing="all"))
    page = validation_page.page(found)
    assert "2 rows: 1 differs, 1 not checkable here." in page
    assert page.index("## A") < page.index("small") < page.index("## B")
    assert "Missing: all" in page


@pytest.mark.parametrize(
    "option",
    [["--scenario", "cacti"], ["--layers", "all"], ["-n", "ResNet50"], ["--measured"]],
)
@pytest.mark.parametrize("written", [[], ["--write-docs"]])
def test_options_that_would_change_no_row_are_refused(option, written, capsys):
    assert main(["paper", "validation", "-q", *option, *written]) == 2
    said = capsys.readouterr().err
    assert "leave this option out" in said
    assert "Traceback" not in said


PAGE = Path(__file__).parents[2] / "docs" / "validation.md"


def lines_of(*specs):
    """The lines that the page must have of these rows: those of its tables."""
    return [line for line in validation_page.page(rows(*specs)).splitlines() if line[:2] == "| "]


def alone(spec, *networks):
    """The rows of one network alone."""
    first, _, values = spec["for"].partition(" in ")
    found = [each for each in literal_eval(values) if {*networks} & {*each}]
    return {**spec, "for": f"{first} in {found}"}


def test_the_page_is_what_the_command_writes():
    lines = {*PAGE.read_text(encoding="utf-8").splitlines()}
    assert {*lines_of(*without_runs())} <= lines


@pytest.mark.slow
def test_the_page_has_the_numbers_of_runs():
    """Of SCNN and DCNN on AlexNet and of DianNao's power, which are run here."""
    specs = [each for each in data("validation") if "runs" in each]
    scnn = next(each for each in specs if "alexnet_scnn" in each.get("for", ""))
    power = next(each for each in specs if each["machine"] == "DianNao")
    lines = {*PAGE.read_text(encoding="utf-8").splitlines()}
    assert {*lines_of(alone(scnn, "alexnet_scnn"), power)} <= lines
