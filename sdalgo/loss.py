"""Layers that a decomposition has ruined: what a command says of them beside its results."""

from collections.abc import Iterable

LARGE_ERROR = 0.5
"""Relative error of a layer from which it is named: a quarter of its power is then gone."""

_NEAR = 0.01


def missed(layers: Iterable[tuple[str, float]], wanted: float | None) -> list[str]:
    """Return a line for each layer whose share of non-zeros is not the one that was asked for.

    Args:
        layers: name and density of each.
        wanted: None where none was.
    """
    if wanted is None:
        return []
    return [
        f"warning: {name} has a density of {density:.3f}, not {wanted:g}: it has no more to use"
        for name, density in layers
        if abs(density - wanted) > _NEAR
    ]


def ruined(layers: Iterable[tuple[str, int, float]]) -> list[str]:
    """Return a line for each layer that lost all its weights, or has a relative error above
    `LARGE_ERROR`.

    Args:
        layers: name, number of non-zero coefficients, and relative error of each; a layer that
            held nothing has an error of 0.
    """
    lines = []
    for name, nonzeros, error in layers:
        if error and not nonzeros:
            lines.append(f"warning: {name} lost all its weights: theta is too large for it")
        elif error > LARGE_ERROR:
            lines.append(f"warning: {name} has a relative error of {error:.2f}")
    return lines
