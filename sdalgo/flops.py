"""Operations as Table II counts them: two to a multiply-add, scaled by what is not zero.

The rows without decomposition come out. For the others the paper's densities admit three readings
of its "highest precision of the operands" rule; none meets every row (docs/reference/sdalgo.md).
"""

REBUILD_PER_WEIGHT = 6  # 3 multiplications and 3 additions rebuild one weight from a 3-entry row


def dense_flops(macs: int) -> float:
    """Return the operations of one image."""
    return 2.0 * macs


def sparse_flops(macs: int, density: float) -> float:
    """Return them with one global weight density, as the rows without decomposition are counted."""
    return dense_flops(macs) * density


def rebuild_flops(coefficients: int, density: float = 1.0) -> float:
    """Return what rebuilding all weights once costs, at full precision."""
    return float(REBUILD_PER_WEIGHT * coefficients) * density


def decomposed_flops(
    macs: int, density: float, coefficients: int, coef_density: float
) -> dict[str, float]:
    """Return the operations of a decomposed network under three readings.

    Args:
        density: share of the rebuilt weights that is not zero.
        coef_density: share of Ce that is not zero.

    Returns:
        full: every operation at 32 bits; mixed: 8-bit multiplications count 8/32, additions 32/32;
        eighths: everything counts 8/32.
    """
    work = dense_flops(macs) * density
    rebuild = rebuild_flops(coefficients, coef_density)
    return {
        "full": work + rebuild,
        "mixed": work * (8 / 32 + 1) / 2 + rebuild,
        "eighths": (work + rebuild) * 8 / 32,
    }
