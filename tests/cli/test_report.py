"""What a run prints, from results made by hand: whole texts."""

from dataclasses import replace

import pytest
from made_results import stored

from archsim.analysis.compare import Refusal, compared
from archsim.analysis.normalise import normalise
from archsim.cli import report
from archsim.formats import console
from archsim.formats.console import Format, Table
from archsim.formats.errors import Problem

SCREEN = """\
tiny: drawn from profile, 2 layers, 0.008 GMAC
  weights: SYNTHETIC

normalised to DianNao
machine    cycles  speed-up  energy mJ  energy  DRAM MB   DRAM    GOPS  GOPS/W
DianNao     4,000     1.00x        0.2   1.00x      0.6  1.00x   4,000      80
SmartDeal   1,000     4.00x       0.05   0.25x      0.2  0.33x  16,000     320

energy by component
component       DianNao mJ    share  SmartDeal mJ    share
dram                  0.06   30.0 %          0.02   40.0 %
input_gb              0.02   10.0 %          0.01   20.0 %
weight_gb            0.016    8.0 %             -
nfu                 0.1037   51.9 %             -
post               0.00025    0.1 %             -
weight_buffer            -                  0.004    8.0 %
index_selector           -                  0.001    2.0 %
rebuild_engine           -                  0.003    6.0 %
mac_array                -                  0.012   24.0 %
total                  0.2  100.0 %          0.05  100.0 %

"""
TIME = """\
SmartDeal: where time goes, % of instance-cycles
component  instances  busy  wait_input  idle
dram               1  24.9        24.9  50.0
"""
PHASES = """\
SmartDeal: phases
phase  cycles   GMAC  energy mJ    share  DRAM MB  input MB  weight MB  index MB  output MB
ff        750  0.003     0.0375   75.0 %     0.15     0.075      0.045     0.008      0.022
wg        250  0.001     0.0125   25.0 %     0.05     0.025      0.015     0.002      0.008
total   1,000  0.004       0.05  100.0 %      0.2       0.1       0.06      0.01       0.03

"""
LAYERS = """\
SmartDeal: layers
layer  op    phase      MMAC  cycles  compute  energy uJ  DRAM kB
a      conv  inference     2     250      125       12.5       50
b      conv  inference     6     750      375       37.5      150
"""


@pytest.fixture
def rows():
    return normalise([stored("diannao"), stored("smartdeal")], "diannao")


def matrix(*answers):
    stems = list(dict.fromkeys(answer.stem for answer in answers))
    return compared(answers, stems, "diannao")


BOTH = matrix(stored("diannao"), stored("smartdeal"))


def test_the_report_of_a_workload(capsys):
    report.show_workload(BOTH, "tiny", 0)
    assert capsys.readouterr().out == SCREEN


def test_verbose_adds_where_time_goes_and_then_the_layers(capsys):
    report.show_workload(BOTH, "tiny", 1)
    once = capsys.readouterr().out
    report.show_workload(BOTH, "tiny", 2)
    twice = capsys.readouterr().out
    assert once.startswith(SCREEN)
    assert once.endswith(TIME + "\n")
    assert twice.startswith(once)
    assert twice.endswith(LAYERS + "\n")


def test_one_machine_is_shown_without_ratios(capsys):
    report.show_workload(matrix(stored("smartdeal")), "tiny", 0)
    lines = capsys.readouterr().out.splitlines()
    assert lines[3:5] == [
        "machine    cycles  energy mJ  DRAM MB    GOPS  GOPS/W",
        "SmartDeal   1,000       0.05      0.2  16,000     320",
    ]


def test_a_missing_reference_is_said(capsys):
    report.show_workload(matrix(stored("smartdeal"), stored("scnn")), "tiny", 0)
    assert "not normalised" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "-"),
        (1.0, "1.00x"),
        (0.25, "0.25x"),
        (0.0123, "0.0123x"),
        (19.23, "19.2x"),
        (1234.5, "1,234x"),
        (100, "100x"),
    ],
)
def test_ratios(value, text):
    assert report.ratio(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (12345.6, "12,346"),
        (12.3456, "12.35"),
        (0.00012345, "0.0001234"),
        (1e-7, "1.00e-07"),
    ],
)
def test_numbers(value, text):
    assert report.number(value) == text


def test_plain_tables_have_no_trailing_blanks():
    lines = Table("t", ["name", "n", "text"], [["a", "1", ""], ["long", "100", "x"]]).lines()
    assert lines == ["t", "name    n  text", "a       1", "long  100     x"]


def test_a_terminal_gets_a_drawn_table_and_no_colour_where_it_is_unwanted(capsys, monkeypatch):
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    table = Table("title", ["name", "n"], [["[red]a[/]", "1"]])
    console.show(table)
    coloured = capsys.readouterr().out
    monkeypatch.setenv("NO_COLOR", "1")
    console.show(table)
    plain = capsys.readouterr().out
    assert "\x1b[36m" in coloured
    assert "\x1b[3" not in plain
    assert "─" in plain
    assert "[red]a[/]" in plain  # names are text, whatever they look like


def test_phases_of_training_stand_in_the_order_in_which_they_run(rows, capsys):
    row = rows[1]
    first, second = row.result.layers
    result = replace(row.result, layers=(replace(second, phase="ff"), replace(first, phase="wg")))
    row = replace(row, stored=replace(row.stored, result=result))
    console.show(report.phases_of(row))
    assert capsys.readouterr().out == PHASES


def test_a_machine_that_cannot_run_is_a_row_with_its_reason(capsys):
    refusal = Refusal("tiny", "scnn", (Problem("scnn.yaml:3:1", "IARAM is too small"),))
    report.show_workload(matrix(stored("diannao"), refusal), "tiny", 0)
    lines = capsys.readouterr().out.splitlines()
    assert lines[6] == "scnn        n/a         -          -       -        -      -      -       -"
    assert "n/a: tiny on scnn: IARAM is too small" in lines


TABLE = Table(
    "50 % of A & B",
    ["name", "cycles", "share", "speed-up", "note"],
    [["a_b|c", "1,234", "30.0 %", "1.00x", "$5 #1"], ["-", "-", "-", "12.5x", "{~^\\}"]],
)
MARKDOWN = """\
**50 % of A & B**

| name | cycles | share | speed-up | note |
| :-- | --: | --: | --: | --: |
| a_b\\|c | 1,234 | 30.0 % | 1.00x | $5 #1 |
| - | - | - | 12.5x | {~^\\} |

"""
LATEX = r"""% 50 % of A & B
\begin{tabular}{lrrrr}
\toprule
name & cycles & share & speed-up & note \\
\midrule
a\_b|c & 1,234 & 30.0 \% & 1.00x & \$5 \#1 \\
- & - & - & 12.5x & \{\textasciitilde{}\textasciicircum{}\textbackslash{}\} \\
\bottomrule
\end{tabular}

"""
CSV = """\
# 50 % of A & B
name,cycles,share %,speed-up x,note
a_b|c,1234,30.0,1.00,$5 #1
-,-,-,12.5,{~^\\}

"""


@pytest.mark.parametrize(
    ("form", "text", "comment"),
    [
        (Format.MARKDOWN, MARKDOWN, "said\n"),
        (Format.LATEX, LATEX, "% said\n"),
        (Format.CSV, CSV, "# said\n"),
    ],
)
def test_a_table_in_each_format_and_other_lines_as_its_comments(form, text, comment, capsys):
    console.use(form)
    try:
        console.show(TABLE)
        console.say("said")
    finally:
        console.use(Format.TEXT)
    assert capsys.readouterr().out == text + comment
