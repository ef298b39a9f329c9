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
from llvmlite.ir import Constant, IntType
from numba.extending import intrinsic

F = TypeVar("F", bound=Callable[..., Any])


def machine_code(function: F) -> F:
    """The function, compiled when it is first called with operands of a type."""
    with suppress(RuntimeError):  # there is no folder that numba may keep its code in
        return cast("F", numba.njit(cache=True)(function))
    return cast("F", numba.njit(function))


def written_out(function: F) -> F:
    """A function that is written into each one that calls it, where it is compiled."""
    return cast("F", numba.njit(inline="always")(function))


@intrinsic
def _high_word(_typing: Any, one: Any, other: Any) -> Any:
    def written(_context: Any, builder: Any, _signature: Any, words: Any) -> Any:
        wide = IntType(128)
        product = builder.mul(*(builder.zext(word, wide) for word in words))
        return builder.trunc(builder.lshr(product, Constant(wide, 64)), IntType(64))

    return numba.uint64(one, other), written


high_word: Any = _high_word
"""The upper 64 bits of a product of two words, in compiled functions."""
