"""Rounds of codes and bases of one layer: start, sweeps, fits of B, storage, a last sweep."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from sdalgo.activations import bases
from sdalgo.activations.code_lengths import CodeLengths, measured
from sdalgo.activations.descent import start, sweep
from sdalgo.activations.first_bases import first_bases
from sdalgo.activations.problem import Problem, rebuilt
from sdalgo.fit import Float64
from sdalgo.options import WIDEST, ActivationOptions
from sdalgo.pow2 import Float32

_TOP = 0  # the highest exponent: the largest code of each column is 2^0


@dataclass(frozen=True, kw_only=True)
class Search:
    """What the search of a layer is told.

    Attributes:
        rounds: sweeps over all codes, each followed by a fit of B.
        levels: exponents that a layer may use, counted down from its highest.
        form: of the index, which decides what a zero costs: row or element.
        bit_price: what a bit costs, in units of the network's loss.
        basis_bits: of a stored entry of B.
        rank: most columns of Ce.
        slice_rows, vector_width: as in `sdalgo.Options`.
    """

    rounds: int
    levels: int
    form: str
    bit_price: float
    basis_bits: int
    rank: int
    slice_rows: int
    vector_width: int

    @classmethod
    def of(cls, options: ActivationOptions, price: float, rounds: int | None = None) -> "Search":
        """Return what options say, at a price of a bit.

        Args:
            rounds: None: `search` of the options.
        """
        assert options.levels is not None
        return cls(
            rounds=options.search if rounds is None else rounds, levels=options.levels,
            form=options.index, bit_price=price, basis_bits=options.basis_bits,
            rank=options.rank or WIDEST, slice_rows=options.slice_rows,
            vector_width=options.vector_width,
        )  # fmt: skip

    @property
    def powers(self) -> tuple[int, int]:
        return _TOP - self.levels + 1, _TOP


Stored = tuple[NDArray[np.generic], Float32]
"""Entries (slices, r, n, N) and scales (slices, N) of B."""


@dataclass(frozen=True)
class Fitted:
    """Ce and B of a layer, and what they cost, which takes a product with H to say.

    Attributes:
        coef, basis: as in `descent`; B as it reads back.
        stored: entries (slices, r, n, N) and scales (slices, N) of B.
    """

    problem: Problem
    search: Search
    coef: Float64
    basis: Float64
    stored: Stored

    @cached_property
    def rest(self) -> Float64:
        """The weights' error, (D, N)."""
        return self.problem.weight - rebuilt(self.coef, self.basis, self.problem.layout)

    @cached_property
    def energies(self) -> Float64:
        """Of the outputs' error, (N,)."""
        return self.problem.energy(self.rest)

    @cached_property
    def bits(self) -> Float64:
        """Of codes at their ideal lengths, (N,)."""
        return measured(self.coef, self.search.powers, self.search.form).total(self.coef)


def fit_layer(problem: Problem, search: Search) -> Fitted:
    """Search Ce and B; B as it will be stored."""
    basis = first_bases(problem, search.rank)
    lengths = _first_lengths(search, basis.shape[1])
    coef = start(problem, basis, lengths)
    lengths = measured(coef, search.powers, search.form)
    for _ in range(search.rounds):
        coef = sweep(problem, coef, basis, lengths)
        basis = bases.fit_bases(problem, coef, basis)
        lengths = measured(coef, search.powers, search.form)
    stored = bases.stored_bases(basis, search.basis_bits)
    basis = bases.read_back(*stored)
    coef = sweep(problem, coef, basis, lengths)
    return Fitted(problem, search, coef, basis, stored)


def _first_lengths(search: Search, basis_rank: int) -> CodeLengths:
    """Those of normal values: no layer has been coded yet."""
    count = search.levels
    each = np.full(count, 1.0 + np.log2(count))
    index = 1.0 if search.form == "element" else 0.0
    zero = 1.0 if search.form == "element" else 2.0
    dead = float(basis_rank) if search.form == "element" else 0.0
    return CodeLengths(
        low=search.powers[0], positive=each + index, negative=each + index, zero=zero, dead=dead
    )
