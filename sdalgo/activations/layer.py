"""One layer by the preset `activations`, and how its slices are cut."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from sdalgo.activations.budget import first_price, price_for
from sdalgo.activations.moments import Moments
from sdalgo.activations.problem import problem_of
from sdalgo.activations.rounds import Fitted, Search, Stored, fit_layer
from sdalgo.decomposition import Decomposition
from sdalgo.matrices import Layout, layout_of, rows_of
from sdalgo.options import ActivationOptions
from sdalgo.pow2 import Float32, encode

_SPLIT_ROWS = 64  # in a filter, up to which finer slices are tried: a basis per slice is dear
_LEAST_ROWS = 3
_AT_ONCE = 4096  # filters that are searched together, at most
DAMPS = (0.01, 0.1, 1.0)
"""What H's diagonal is damped with, as shares of its mean (sdalgo.activations.damping)."""


def layout_for(shape: tuple[int, ...], search: Search) -> Layout:
    """Return even slices of at most the rows that the search names."""
    return layout_of(shape, search.slice_rows, "even", search.vector_width)


def decompose_alone(weight: Float32, moments: Moments, options: ActivationOptions) -> Decomposition:
    """Return the decomposition of one layer for itself, at a budget of its own.

    Without a network to say what an error costs, energy is counted against that of the layer's
    outputs, and damping that nothing chooses is the least of `DAMPS`.
    """
    damped = moments.damped(DAMPS[0] if options.damp is None else options.damp)
    if damped.sensitivity is None:
        held = weight.reshape(len(moments.second), -1, moments.inputs).astype(np.float64)
        whole = float(((held @ damped.second) * held).sum())
        damped = replace(damped, sensitivity=np.full(len(weight), 1 / whole if whole else 1.0))
    price = options.price
    if options.bits is not None:

        def bits_at(tried: float) -> float:
            found = decompose_layer(weight, damped, Search.of(options, tried, 1))
            return found.bits(options.index) / weight.size

        price = price_for(bits_at, options.bits, first_price(weight.size, options.bits))
    return decompose_layer(weight, damped, Search.of(options, price))


def decompose_layer(
    weight: Float32, moments: Moments, search: Search, height: int | None = None
) -> Decomposition:
    """Return the decomposition of a weight in its own shape.

    Filters of few rows are also tried in halves, quarters and so on, each with a basis of its own:
    more bits and less error, which is kept where it is cheaper at the price of a bit.

    Args:
        height: most rows of a slice, where it is known already.

    Raises:
        InputError: the moments are of another layer.
    """
    moments = moments.checked(weight.shape, "calibration")
    rows = search.slice_rows if height is None else height
    layout = layout_of(weight.shape, rows, "even", search.vector_width)
    best = _at(weight, moments, layout, search)
    while height is None and layout.rows <= _SPLIT_ROWS and layout.height >= 2 * _LEAST_ROWS:
        rows = -(-layout.height // 2)
        layout = layout_of(weight.shape, rows, "even", search.vector_width)
        finer = _at(weight, moments, layout, search)
        if finer.cost >= best.cost:
            break
        best = finer
    return best.found


@dataclass(frozen=True)
class _Cut:
    """A layer in one layout, and the filters that were searched together."""

    found: Decomposition
    parts: list[Fitted]

    @cached_property
    def cost(self) -> float:
        """Energy over the rate of a bit, and bits where they cost anything."""
        energy, search = 0.0, self.parts[0].search
        for part in self.parts:
            rate = part.problem.rate
            energy += float((part.energies / np.where(rate > 0, rate, 1.0)).sum())
        return energy + (self.found.bits(search.form) if search.bit_price else 0)


def _at(weight: Float32, moments: Moments, layout: Layout, search: Search) -> _Cut:
    """The decomposition in this layout."""
    parts = []
    step = len(weight) if len(moments.second) > 1 else _AT_ONCE
    for first in range(0, len(weight), step):
        own = moments.filters(slice(first, first + step))
        some = weight[first : first + step]
        problem = problem_of(some, own, replace(layout, shape=some.shape), search.bit_price)
        if problem.second is moments.second:  # no padding, and no other factor
            problem = replace(problem, factor=moments.factor)
        parts.append(fit_layer(problem, search))
    held = [(part.coef.astype(np.float32), *part.stored) for part in parts]
    coef, entries, scale = (np.concatenate(each, axis=-1) for each in zip(*held, strict=True))
    return _Cut(as_stored(coef, (entries, scale), layout), parts)


def as_stored(coef: Float32, stored: Stored, layout: Layout) -> Decomposition:
    """Put what was fitted into the form of a decomposition.

    Args:
        coef: (rows, r, N).
        stored: entries (slices, r, n, N) and scales (slices, N) of B.
    """
    rows, rank, filters = coef.shape
    padded = np.zeros((layout.slices * layout.height, rank, filters), np.float32)
    padded[:rows] = coef
    slices = padded.transpose(2, 0, 1).reshape(filters * layout.slices, layout.height, rank)
    codes, p_min = encode(rows_of(slices, layout))
    entries, scale = stored
    used = slices.any(axis=(1, 2)).reshape(filters, layout.slices)
    scale = np.where(used, scale.T * np.float32(2.0**p_min), 0).astype(np.float32)
    entries = np.where(used[:, :, None, None], entries.transpose(3, 0, 1, 2), 0)
    return Decomposition(
        layout=layout, coef=codes, p_min=p_min,
        basis=np.ascontiguousarray(entries, dtype=stored[0].dtype), scale=scale,
    )  # fmt: skip
