"""A layer's `profile`: distributions that its tensors are drawn from when none was measured.

The format is docs/reference/profile.md. Every section describes one tensor by its statistics;
`draw` turns it into an array of the layer's own shape, once, at load. After that nothing knows
where an array came from.
"""

import zlib
from collections.abc import Iterator, Mapping
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from archsim.formats.errors import InputError
from archsim.formats.profile_models import Profile
from archsim.formats.slices import full_slices
from archsim.formats.widths import DEFAULT_BITS
from archsim.workload.profile_coef import draw_coef
from archsim.workload.profile_density import draw_density
from archsim.workload.profile_input import draw_input
from archsim.workload.profile_weight import draw_pruned, draw_weight

What = Literal["input", "weight", "pruned", "coef", "basis"]
MAX_BYTES = 4096
_TENSOR = {"input": "input", "weight": "weight", "pruned": "weight"}
"""What is drawn by its density alone: weights are one tensor, pruned or not."""


def draw(
    profile: Profile | Mapping[str, object],
    what: str,
    shape: tuple[int, ...],
    seed: int,
    bits: int = DEFAULT_BITS,
) -> NDArray[np.generic]:
    """An array of `shape` for one of the layer's tensors, the same for the same arguments; inputs
    and weights have so many `bits` at most.

    `what` is input, weight, pruned, coef or basis; each draws from its own stream of random
    numbers, so that none depends on which others were drawn. Where pruned is not zero it equals
    weight. Basis values decide no cycle and no byte, so they are uniform.

    Raises:
        InputError: an unknown `what`, no such section, or a shape that it does not describe.
    """
    if what not in get_args(What):
        legal = ", ".join(get_args(What))
        raise InputError.at(f"profile.{what}", f"cannot be drawn; legal: {legal}")
    model = profile if isinstance(profile, Profile) else parsed(profile)
    if what == "basis":
        return _stream(seed, what).integers(-127, 128, shape, dtype=np.int8)
    if (share := model.density_of(what)) is not None:
        own = _stream(seed, f"density {_TENSOR[what]}")
        return draw_density(share, shape, own, positive=what == "input", bits=bits)
    if getattr(model, what) is None:
        raise InputError.at(
            f"profile.{what}", "is missing, and no measured tensor stands in for it"
        )
    try:
        return _section(model, what, shape, seed, bits)
    except ValueError as error:
        raise InputError.at(f"profile.{what}", str(error)) from error


def _stream(seed: int, name: str) -> np.random.Generator:
    """The random numbers of one tensor: those of `default_rng([seed, checksum of the name])`."""
    # Numpy turns a list into just these words, at a third of the price of all the rest.
    words = [*_words(seed), *_words(zlib.crc32(name.encode()))]
    return np.random.default_rng(np.array(words, np.uint32))


def _words(number: int) -> Iterator[int]:
    """The 32-bit words of a number, the lowest first; one at least. ValueError below zero."""
    if number < 0:
        raise ValueError(f"a seed is at least 0, and this is {number}")
    yield number & 0xFFFF_FFFF
    while number := number >> 32:
        yield number & 0xFFFF_FFFF


def basis_scale(coef: NDArray[np.int8], slices: int) -> NDArray[np.float32]:
    """Scales (K, slices) of drawn coefficients: 0 where a slice is empty, else 1.

    `coef` is (K, C, R, r) or (K, triples, r). The value of a scale that is not 0 decides nothing.
    """
    filters, width = coef.shape[0], coef.shape[-1]
    live = np.asarray((coef != 0).reshape(filters, -1, width).any(axis=2))
    return full_slices(live, slices).astype(np.float32)


def parsed(profile: Mapping[str, object]) -> Profile:
    """The profile as its record. InputError where it is none."""
    try:
        return Profile.model_validate(profile)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in ("profile", *first["loc"]))
        raise InputError.at(place, first["msg"]) from error


def _section(
    model: Profile, what: str, shape: tuple[int, ...], seed: int, bits: int
) -> NDArray[np.generic]:
    own = _stream(seed, what)
    if what == "input" and model.input is not None:
        return draw_input(model.input, shape, own, bits)
    if what == "coef" and model.coef is not None:
        return draw_coef(model.coef, shape, own)
    if what == "pruned" and model.pruned is not None:
        return draw_pruned(model.pruned, shape, _stream(seed, "kept"), bits)
    assert model.weight is not None
    return draw_weight(model.weight, model.pruned, shape, (own, _stream(seed, "kept")), bits)
