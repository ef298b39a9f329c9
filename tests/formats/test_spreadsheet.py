"""Cells of a CSV as a spreadsheet takes them: text that would be a formula is text, numbers are
numbers."""

import csv

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archsim.formats.console import Format, Table
from archsim.formats.spreadsheet import cell, comment, csv_text, records_text

FORMULAS = [
    "=1+1", "+cmd", "-cmd|' /C calc'!A0", "@SUM(A1)", "=", "+", "@", "\t=1", " =1", "\r=1", "-1+1",
    "+1-2", "-2+3|cmd", "=HYPERLINK(\"http://x\")", "-nan", "--1", "\uff1d1", "1\n=2"[1:],
]  # fmt: skip
NUMBERS = ["-1", "+1", "-1.5", "+1,234", "-1e-5", "+2.5E+3", "-12.3 %", "+3x", "-.5", "-"]


@pytest.mark.parametrize("text", FORMULAS)
def test_a_formula_becomes_text(text):
    assert cell(text) == f"'{text}"


@pytest.mark.parametrize("value", [*NUMBERS, "a=1", "a-b", "", "'=1", -1, -1.5, None, True])
def test_numbers_and_plain_text_stay(value):
    assert cell(value) == value


@given(st.text())
def test_no_cell_starts_as_a_formula_does(text):
    """The oracle is the list of OWASP's page on CSV injection, and Python's own float."""
    found = cell(text)
    assert found in {text, f"'{text}"}
    if found[:1] in set("=+-@\t\r") and found != "-":
        float(found.rstrip("x%").replace(",", ""))


def test_heads_records_and_printed_tables_are_guarded():
    """Written out by hand, RFC 4180."""
    assert csv_text([["=a", -1], ["b,c", "-1"]]) == '\'=a,-1\n"b,c",-1\n'
    assert records_text(["@x", "y"], [{"@x": "+z"}, {"y": 2}]) == "'@x,y\n'+z,\n,2\n"
    lines = Table("t,=1, -2", ["=h", "n"], [["@a", "-1,000"], ["b", "-"]]).written(Format.CSV)
    assert lines == ["# t,'=1, -2", "'=h,n", "'@a,-1000", "b,-"]
    assert next(csv.reader([comment("a;+b\t@c")])) == ["a;'+b\t'@c"]
