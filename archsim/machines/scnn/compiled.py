"""Whether SCNN's queues are followed, and its vectors filled, by compiled loops (`loops` and
`vector_loops`), which need numba, the extra `fast`. All numbers are integers, so what is found is
the same with numba and without it.
"""

from functools import cache
from importlib import import_module
from os import environ
from typing import Any

VARIABLE = "ARCHSIM_FAST"
"""Set to 0, everything is computed as if numba were not there."""


@cache
def compiled(loops: str = "loops") -> Any:
    """A module of loops, `archsim.machines.scnn.loops` or another; None where numba is not
    installed or does not go with this numpy, or ARCHSIM_FAST is 0.
    """
    if environ.get(VARIABLE) == "0":
        return None
    try:
        return import_module(f"archsim.machines.scnn.{loops}")
    except ImportError:
        return None
