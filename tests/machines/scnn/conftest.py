"""SCNN's tests follow queues with numpy: each array drawn would compile loops of its own.
`test_scnn_compiled` holds the compiled ones against them."""

import pytest

from archsim.formats.compiled import VARIABLE, compiled


@pytest.fixture(scope="module", autouse=True)
def with_numpy():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(VARIABLE, "0")
        compiled.cache_clear()
        yield
    compiled.cache_clear()
