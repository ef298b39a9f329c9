"""What compiled loops draw against numpy's own generator, to the last bit. Without numba there is
nothing to hold."""

from functools import partial

import compiled_ways
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archsim.formats import compiled as choice
from archsim.workload import random_stream
from archsim.workload.profile import draw
from archsim.workload.random_stream import LOOPS, normals, random16

numba = pytest.importorskip("numba", reason="numba, the extra `fast`, is not installed")

both = partial(compiled_ways.both, loops=partial(choice.compiled, LOOPS))

SEEDS = st.integers(0, 2**40)


@pytest.fixture(autouse=True, scope="module")
def however_few():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(random_stream, "FEW", 1)
        yield


@settings(max_examples=150)
@given(seed=SEEDS, counts=st.lists(st.tuples(st.booleans(), st.integers(0, 700)), max_size=6))
def test_numbers_and_what_follows_are_those_of_numpy(seed, counts):
    """Calls of both kinds after each other: what one leaves over is the next one's."""

    def drawn():
        rng = np.random.default_rng(seed)
        found = [
            normals(rng, (count,)) if normal else random16(rng, (count,))
            for normal, count in counts
        ]
        return [one.tobytes() for one in found], rng.bit_generator.state

    compiled, numpy = both(drawn)
    assert compiled == numpy


def test_rare_deviates_are_those_of_numpy():
    """Four million: a thousand come from the tail of the ziggurat, and more from its layers'
    edges."""
    compiled, numpy = both(lambda: normals(np.random.default_rng(3), (1 << 22,)))
    assert (np.abs(numpy) > 3.66).sum() > 800
    assert compiled.tobytes() == numpy.tobytes()


def test_loops_that_draw_otherwise_are_left_alone(monkeypatch):
    """As those would where a numpy to come has other rules."""
    monkeypatch.delenv(choice.VARIABLE, raising=False)
    choice.compiled.cache_clear()
    loops = choice.compiled(LOOPS)
    assert random_stream.loops_for(1) is loops

    class Other:
        normals = staticmethod(loops.normals)

        @staticmethod
        def sixteens(stream, out):
            loops.sixteens(stream, out)
            out[-1] += 1

    monkeypatch.setattr(random_stream, "worth", lambda *_: Other)
    assert random_stream.loops_for(1) is None


MASKS = {
    "tossed": {"live": 0.4},
    "by filter and channel": {"live": 0.3, "filters": [0.0, 0.3, 1.0], "channels": [0.1, 0.9]},
    "kernel and taps": {"live": 0.5, "kernel": 0.6, "taps": [0.1, 0.9, 0.5]},
    "counted": {"live": 0.4, "counted": True},
    "counted by filter": {"live": 0.4, "counted": True, "filters": [0.0, 0.5, 1.0]},
    "all": {"live": 1.0},
    "none": {"live": 0.0},
}


@pytest.mark.parametrize("mask", MASKS.values(), ids=MASKS)
@settings(max_examples=12)
@given(
    seed=SEEDS, filters=st.integers(1, 9), channels=st.integers(1, 9), bits=st.sampled_from((8, 16))
)
def test_weights_are_those_of_numpy(mask, seed, filters, channels, bits):
    values = {"values": [5, 3, 1], "negative": [2, 2]}
    shape = (filters, channels, 1, 3)
    profile = {"weight": {**mask, **values}, "pruned": {**mask, **values}}
    for what in ("weight", "pruned"):
        compiled, numpy = both(lambda what=what: draw(profile, what, shape, seed, bits))
        assert compiled.dtype == numpy.dtype
        assert np.array_equal(compiled, numpy)


@pytest.mark.parametrize("own", [[], [0.0, 0.4, 1.0]], ids=["alike", "by filter"])
@settings(max_examples=25)
@given(seed=SEEDS, filters=st.integers(1, 9), rows=st.integers(1, 20), width=st.integers(1, 4))
def test_codes_are_those_of_numpy(own, seed, filters, rows, width):
    coef = {
        "group": 2,
        "rows": {"live": 0.5},
        "filters": own,
        "nonzeros": [3, 2][:width],
        "positive": [5, 1],
        "negative": [2],
    }
    shape = (filters, rows, width)
    compiled, numpy = both(lambda: draw({"coef": coef}, "coef", shape, seed))
    assert np.array_equal(compiled, numpy)
    assert rows * filters < 40 or numpy.any()


@pytest.mark.parametrize("dtype", ["int8", "uint8"])
@pytest.mark.parametrize("held", [True, False], ids=["held", "in blocks"])
@settings(max_examples=15)
@given(seed=SEEDS, size=st.tuples(*[st.integers(1, 24)] * 2))
def test_activations_are_those_of_numpy(dtype, held, seed, size):
    profile = {
        "dtype": dtype,
        "classes": [
            {"channels": 2, "zero": 0.5, "values": [5, 3, 2, 1]},
            {"channels": 3, "zero": 0.1, "values": [1, 1, 9]},
        ],
        "local": [{"share": 0.4, "x": 0.9, "y": 0.9}],
        "shared": {"share": 0.2, "x": 0.5, "y": 0.5},
        "scale": {"spread": 0.3, "x": 0.2, "y": 0.8},
    }

    def drawn():
        with pytest.MonkeyPatch.context() as patch:
            if not held:
                patch.setattr("archsim.workload.profile_input.MAX_HELD", 1)
                patch.setattr("archsim.workload.profile_input.BLOCK", 64)
            return draw({"input": profile}, "input", (5, *size), seed)

    compiled, numpy = both(drawn)
    assert compiled.dtype == numpy.dtype == dtype
    assert np.array_equal(compiled, numpy)
