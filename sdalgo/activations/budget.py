"""Bits over layers: one price of a bit for the whole network, found for a budget by bisection.

At one price every bit saves as much of the network's loss wherever it is spent, which is the best
division of a budget where losses of layers add up (Shoham and Gersho 1988). Layers that bear errors
then get few bits, and sensitive ones many, with no list of widths.
"""

from collections.abc import Callable
from math import exp, log

_LOW, _HIGH = 1e-13, 1e-4  # prices between which one is sought
_STEPS = 9
_CLOSE = 0.01  # of the budget


def price_for(bits_at: Callable[[float], float], wanted: float, first: float) -> float:
    """Return a price at which `bits_at` is near `wanted`.

    The logarithm of the price is bracketed from `first` on by factors of 4, then bisected by
    interpolation.

    Args:
        bits_at: bits at a price, falling.
        wanted: the budget, in the same units.
    """
    price, bits = first, bits_at(first)
    above = below = None  # (log price, bits) with too many and with too few bits
    for _ in range(_STEPS):
        if abs(bits - wanted) <= _CLOSE * wanted:
            break
        if bits > wanted:
            above = (log(price), bits)
        else:
            below = (log(price), bits)
        if above and below:
            share = (above[1] - wanted) / (above[1] - below[1])
            share = min(max(share, 0.1), 0.9)
            price = exp(above[0] + share * (below[0] - above[0]))
        else:
            price = price * 4 if above else price / 4
        if not _LOW <= price <= _HIGH:
            break
        bits = bits_at(price)
    return price
