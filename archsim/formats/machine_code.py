"""Functions compiled by numba, which importing this needs.

numba keeps what it has compiled beside the file of the function or, where that cannot be written,
in a folder of the user (NUMBA_CACHE_DIR names another). It is code that is loaded and executed, so
it is never kept in archsim's own cache, which lies in whatever folder one works in. That it is
still right numba sees by the function's file alone: no compiled function calls one of another file.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar, cast

import numba

F = TypeVar("F", bound=Callable[..., Any])


def machine_code(function: F) -> F:
    """The function, compiled when it is first called with operands of a type."""
    with suppress(RuntimeError):  # there is no folder that numba may keep its code in
        return cast("F", numba.njit(cache=True)(function))
    return cast("F", numba.njit(function))


def called(function: F) -> F:
    """A function that only compiled ones call, with no code for calls from Python: that would take
    half of the time."""
    compiler: Any = numba.njit
    return cast("F", compiler(no_cpython_wrapper=True, no_cfunc_wrapper=True)(function))


def written_out(function: F) -> F:
    """A function that is written into each one that calls it, where it is compiled."""
    return cast("F", numba.njit(inline="always")(function))
