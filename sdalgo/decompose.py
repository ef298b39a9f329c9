"""The library's front door: one weight in, its decomposition out."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from archsim.formats.errors import InputError
from archsim.formats.progress import Progress
from sdalgo.basis import Float64, quantise_basis
from sdalgo.decomposition import Decomposition
from sdalgo.density import exchange_to_density
from sdalgo.exchange import Watch, exchange
from sdalgo.finite import check_finite
from sdalgo.matrices import Layout, layout_of, rows_of, to_slices
from sdalgo.options import WIDEST, ActivationOptions, Options
from sdalgo.pow2 import Float32, encode
from sdalgo.search import search

if TYPE_CHECKING:
    from sdalgo.activations.moments import Moments

_SMALLEST = 2.0**-40  # of a layer's largest weight: scales of B then stay normal floats


def decompose(
    weight: NDArray[np.generic],
    options: Options | None = None,
    *,
    name: str = "weight",
    watch: Watch | None = None,
    calibration: "Moments | None" = None,
) -> Decomposition:
    """Decompose a convolution's or linear layer's weight into W = Ce B (paper III-A, III-C).

    Args:
        weight: (K, C/groups, R, S) or (K, C); float16, float32 or float64.
        options: None means the preset `as_released_double`.
        name: of the tensor, for messages.
        watch: called after each round, see `sdalgo.exchange.Round`.
        calibration: of the preset `activations`: what the layer is given
            (`sdalgo.activations.moments`), not yet damped.

    Raises:
        InputError: the tensor is empty, not floating point, not finite, or of another rank; or
            a calibration is missing, of another layer, or given to a preset without use for it.
    """
    options = options or Options()
    dense = checked(weight, name)
    if isinstance(options, ActivationOptions) or calibration is not None:
        return _calibrated(dense, options, name, calibration)
    layout = layout_of(dense.shape, options.slice_rows, options.slicing, options.vector_width)
    slices = to_slices(dense, layout)
    if options.density is None:
        coef, basis = exchange(slices, options, watch)
    else:
        coef, basis = exchange_to_density(slices, layout, options, watch)
    if options.search:
        coef, basis = search(slices, coef, basis, options, layout)
    return _store(coef, basis, layout, options.basis_bits)


def _calibrated(
    weight: Float32, options: Options, name: str, calibration: "Moments | None"
) -> Decomposition:
    from sdalgo.activations.layer import decompose_alone

    if not isinstance(options, ActivationOptions):
        raise InputError.at(name, "only the preset `activations` has use for a calibration")
    if calibration is None:
        raise InputError.at(name, "the preset `activations` needs `calibration`: a layer's inputs")
    return decompose_alone(weight, calibration.checked(weight.shape, name), options)


def is_decomposed(shape: tuple[int, ...], options: Options) -> bool:
    """True where the options call for W = Ce B; other layers stay raw (docs/reference/sdalgo.md).

    Three axes are a convolution over one axis, unless a filter would have a single weight or the
    layer a single filter. Biases and normalisation are never touched, nor are kernels one column
    wide and several high, whose rows would hold one weight.
    """
    if len(shape) == 2:
        return True
    if len(shape) == 3 and shape[0] > 1 and shape[1] * shape[2] > 1:
        shape = (*shape[:2], 1, shape[2])
    if len(shape) != 4 or (shape[3] == 1 and shape[2] > 1) or shape[3] > WIDEST:
        return False
    return options.largest_kernel is None or max(shape[2:]) <= options.largest_kernel


def checked(weight: NDArray[np.generic], name: str) -> Float32:
    """Return the weight as float32, or say by name why it cannot be decomposed."""
    if weight.size == 0 or weight.ndim not in (2, 4):
        raise InputError.at(
            name, f"shape {weight.shape}: (K, C) or (K, C, R, S) is needed, not empty"
        )
    if weight.dtype.kind != "f":
        raise InputError.at(name, f"dtype {weight.dtype}: floating-point weights are needed")
    check_finite(weight, name, "weights")
    with np.errstate(over="ignore"):
        dense = np.ascontiguousarray(weight, dtype=np.float32)
    largest = float(np.abs(dense).max())
    if largest and not _SMALLEST <= largest <= 1 / _SMALLEST:
        raise InputError.at(name, f"largest weight {largest:.3g}: rescale to 2^-40 .. 2^40")
    return dense


def _store(coef: Float32, basis: Float64, layout: Layout, basis_bits: int) -> Decomposition:
    codes, p_min = encode(rows_of(coef, layout))
    entries, scale = quantise_basis(basis, basis_bits)
    used = np.asarray(coef.any(axis=(1, 2)))
    scale = np.where(used, scale * np.float32(2.0**p_min), 0).astype(np.float32)
    entries = np.where(used[:, None, None], entries, 0).astype(entries.dtype)
    return Decomposition(
        layout=layout,
        coef=codes,
        p_min=p_min,
        basis=entries.reshape(layout.filters, layout.slices, *entries.shape[1:]),
        scale=scale.reshape(layout.filters, layout.slices),
    )


def decompose_all(
    weights: dict[str, NDArray[np.generic]], options: Options, progress: Progress | None = None
) -> dict[str, Decomposition]:
    """Decompose every tensor that `is_decomposed` names, in order.

    Args:
        progress: called with (done, total, name) before each tensor.
    """
    chosen = [k for k, w in weights.items() if w.ndim in (2, 4) and is_decomposed(w.shape, options)]
    found = {}
    for index, key in enumerate(chosen):
        if progress:
            progress(index, len(chosen), key)
        found[key] = decompose(weights[key], options, name=key)
    return found
