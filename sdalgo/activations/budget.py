"""Bits over layers: one price of a bit for the whole network, found for a budget by bisection.

At one price every bit saves as much of the network's loss wherever it is spent, which is the best
division of a budget where losses of layers add up (Shoham and Gersho 1988). Layers that bear errors
then get few bits, and sensitive ones many, with no list of widths.
"""

from collections.abc import Callable
from math import exp, log

_LOW, _HIGH = 1e-14, 1e-2  # prices between which one is sought
_STEPS = 9
_CLOSE = 0.01  # of the budget
_SLOPE = 1.0  # bits per weight that e times the price saves, before anything is known
_FLATTENING = 0.7  # the next slope over the last one, towards more bits, where codes run out
_FLATTER = 4.0  # than thought, at most, from one step to the next
_FURTHEST = 3.0  # of a step, in the logarithm of the price


def first_price(weights: int, wanted: float) -> float:
    """Return a price near which a network of so many weights may meet a budget.

    At some four bits the bits of trained networks are worth a tenth of their outputs' energy.
    """
    return min(max(0.1 / weights * exp(_SLOPE * (4 - wanted)), _LOW), _HIGH)


def price_for(bits_at: Callable[[float], float], wanted: float, first: float) -> float:
    """Return a price at which `bits_at` is near `wanted`.

    Bits fall about evenly with the logarithm of the price, so secants find it in two or three
    steps; between two prices that enclose it a step stays inside.

    Args:
        bits_at: bits at a price, falling.
        wanted: the budget, in the same units.
    """
    place, slope = log(first), _SLOPE
    above: tuple[float, float] | None = None  # (log price, bits) with too many bits
    below: tuple[float, float] | None = None  # and with too few
    for _ in range(_STEPS):
        bits = bits_at(exp(place))
        if abs(bits - wanted) <= _CLOSE * wanted:
            break
        before = above or below  # the last point, where all were on one side
        if bits > wanted:
            above = (place, bits)
        else:
            below = (place, bits)
        if above and below:
            share = (above[1] - wanted) / (above[1] - below[1])
            step = above[0] + min(max(share, 0.1), 0.9) * (below[0] - above[0]) - place
        else:
            if before:  # the same side once more: the curve is flatter than thought
                measured = (before[1] - bits) / (place - before[0])
                measured *= _FLATTENING if bits < wanted else 1.0
                slope = min(max(measured, slope / _FLATTER), slope)
            step = min(max((bits - wanted) / slope, -_FURTHEST), _FURTHEST)
        if not log(_LOW) <= place + step <= log(_HIGH):
            break
        place += step
    return exp(place)
