"""The grammar of constraints, linked keys and objectives. The oracle of arithmetic is Python, whose
expressions these are a part of."""

import random

import pytest

from archsim.analysis.sweep.expression import ExpressionError, read

NAMES = {"a": (2,), "b": (3.5,), "part.size": (8,), "*.size": (8, 1, 4), "part.mode": ("tile",),
         "part.off": (None,), "part.on": (True,)}  # fmt: skip


def value(text):
    return read(text).value(NAMES.__getitem__)


def made(rng, depth):
    """A random expression that Python reads in the same way."""
    if depth == 0:
        return rng.choice(["2", "7", "0.5", "1e2", "a", "b"])
    left, right = made(rng, depth - 1), made(rng, depth - 1)
    form = rng.choice(["{} + {}", "{} - {}", "{} * {}", "{} / {}", "({} - {})", "-{} + {}",
                       "min({}, {})", "max({}, {})"])  # fmt: skip
    return form.format(left, right)


@pytest.mark.parametrize("seed", range(40))
def test_arithmetic_is_that_of_python(seed):
    text = made(random.Random(seed), 3)
    names = {"a": 2, "b": 3.5, "min": min, "max": max}
    try:
        expected = eval(text, names)
    except ZeroDivisionError:
        with pytest.raises(ExpressionError, match="divides by zero"):
            value(text)
    else:
        assert value(text) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 <= a <= 2", True),
        ("1 <= a < 2", False),
        ("part.mode == 'tile'", True),
        ('part.mode != "tile"', False),
        ("part.off == null", True),
        ("part.on == true", True),
        ("part.on == 1", False),
        ("sum(*.size) <= 13", True),
        ("sum(*.size, a) == 15", True),
        ("max(*.size)", 8),
        ("part.size / a", 4),
        ("2 - 3 - 4", -5),
        ("8 / 4 / 2", 1),
    ],
)
def test_an_expression_has_its_value(text, expected):
    found = value(text)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "ends too early"),
        ("a +", "ends too early"),
        ("(a", r"'\)' was expected"),
        ("a b", "nothing more was expected, not 'b' at character 3"),
        ("a ; b", "';' at character 3 has no meaning"),
        ("a < b > ", "ends too early"),
        ("sum()", "a number, a name or"),
        ("a ** 2", "not '\\*' at character 4"),
        ("__import__('os')", "nothing more was expected"),
        ("a.__class__()", "nothing more"),
        ("[a]", "has no meaning"),
        ("(" * 60 + "a" + ")" * 60, "within each other"),
        ("a+" * 600 + "a", "at most 1000 characters"),
    ],
)
def test_what_is_no_expression_is_told_with_its_character(text, said):
    with pytest.raises(ExpressionError, match=said):
        read(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a / 0", "divides by zero"),
        ("a / (a - 2)", "divides by zero"),
        ("*.size + 1", r"stands for 3 values; write sum\(\*.size\)"),
        ("part.mode < 3", "'tile', which is no number"),
        ("part.off + 1", "null, which is no number"),
        ("part.on * 2", "True, which is no number"),
        ("1e300 * 1e300", "not finite"),
    ],
)
def test_what_cannot_be_computed_is_told(text, said):
    with pytest.raises(ExpressionError, match=said):
        value(text)


def test_an_expression_tells_the_names_it_asks_for():
    found = read("sum(*.size, part.size) * 2 <= a + a")
    assert found.names == ("*.size", "part.size", "a")
    assert found.compares
    assert not read("a * 2").compares
