"""When compiled loops are taken: where numba is loaded, or has become worth it."""

import sys

import pytest

from archsim.formats import compiled as choice

LOOPS = "archsim.machines.bit_pragmatic.loops"


@pytest.fixture
def fresh(monkeypatch):
    """A process that has not loaded numba, and has missed nothing yet."""
    monkeypatch.delitem(sys.modules, "numba", raising=False)
    monkeypatch.setattr(choice, "MISSED", choice.Missed())
    monkeypatch.setattr(choice, "compiled", lambda loops: f"compiled {loops}")


def test_numba_is_loaded_once_enough_was_missed(fresh):
    share = choice.ENOUGH / 4
    found = [choice.worth(LOOPS, share) for _ in range(5)]
    assert found == [None, None, None, f"compiled {LOOPS}", f"compiled {LOOPS}"]


def test_what_several_kinds_of_loops_would_have_saved_adds_up(fresh):
    assert choice.worth("one", choice.ENOUGH * 0.75) is None
    assert choice.worth("other", choice.ENOUGH * 0.5) == "compiled other"


def test_a_numba_that_is_there_is_used_for_little(fresh, monkeypatch):
    monkeypatch.setitem(sys.modules, "numba", object())
    assert choice.worth(LOOPS, 0.0) == f"compiled {LOOPS}"
