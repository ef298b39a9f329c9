"""Whether compiled loops are used, which needs numba, the extra `fast`. They count in whole numbers
or do the very operations of numpy in its order, so what is found is the same with numba and without
it.
"""

import sys
from functools import cache
from importlib import import_module
from os import environ
from typing import Any

VARIABLE = "ARCHSIM_FAST"
"""Set to 0, everything is computed as if numba were not there."""


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


def at_hand(loops: str) -> Any:
    """The same where numba is loaded already, which takes half a second; else None."""
    return compiled(loops) if "numba" in sys.modules else None
