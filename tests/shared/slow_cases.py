"""Cases of a parametrised test of which some run in `make test-slow` alone; their names stay."""

from collections.abc import Callable, Iterable
from typing import Any

import pytest


def slow_where(is_slow: Callable[[Any], bool], cases: Iterable[Any]) -> list[Any]:
    """Mark the cases that are slow; a tuple is a case of several arguments."""
    return [
        pytest.param(
            *(case if isinstance(case, tuple) else (case,)),
            marks=pytest.mark.slow if is_slow(case) else (),
        )
        for case in cases
    ]


def slow_but_every(step: int, cases: Iterable[Any]) -> list[Any]:
    """Mark all cases but the first and every `step`-th one after it."""
    listed = list(cases)
    quick = listed[::step]
    return slow_where(lambda case: case not in quick, listed)
