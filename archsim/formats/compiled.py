"""Whether compiled loops are used, which needs numba, the extra `fast`. They count in whole numbers
or do the very operations of numpy in its order, so what is found is the same with numba and without
it.
"""

import sys
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from os import environ
from typing import Any

VARIABLE = "ARCHSIM_FAST"
"""Set to 0, everything is computed as if numba were not there."""
ENOUGH = 1.0
"""Seconds to have missed before numba is loaded: twice what that takes, for what a run has missed
is more than it has still to come where it is about to end."""


@dataclass
class Missed:
    """Seconds that this process would have saved with numba."""

    seconds: float = 0.0


MISSED = Missed()


@cache
def compiled(loops: str) -> Any:
    """The module of that name; None where numba is not installed or does not go with this numpy, or
    ARCHSIM_FAST is 0."""
    if environ.get(VARIABLE) == "0":
        return None
    try:
        return import_module(loops)
    except ImportError:
        return None


def worth(loops: str, seconds: float) -> Any:
    """The same where numba is loaded already, or could have saved `ENOUGH` in this process, so many
    seconds this time; else None."""
    if "numba" not in sys.modules:
        MISSED.seconds += seconds
        if MISSED.seconds < ENOUGH:
            return None
    return compiled(loops)
