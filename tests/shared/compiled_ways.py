"""What is found with the compiled loops, and with numpy."""

import pytest

from archsim.formats import compiled as choice


def both(find, loops):
    """What `find` finds with the compiled loops, and with numpy; `loops` gives the module of the
    loops where they are used, and None where they are not."""
    found = []
    for way in ("1", "0"):
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv(choice.VARIABLE, way)
            choice.compiled.cache_clear()
            assert (loops() is None) == (way == "0")
            found.append(find())
    choice.compiled.cache_clear()
    return found
