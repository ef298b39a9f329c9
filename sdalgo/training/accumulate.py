"""Codes that move by what their steps add up to: `signal: accumulate`, a rule of this project.

The paper's switch counts directions, which noise fills as well as a gradient does. Here each live
code has a small integer that adds up the steps that stochastic gradient descent would take on its
value, in K-ths of the distance to the bucket below, rounded up or down at random so that the sum is
right in the mean. The code moves when a whole bucket has come together. The state is
`-K + 1 .. 2 K - 1`: 4 bits for K = 5, and no floating-point number per code.
"""

import torch
from torch import Tensor


def growth(code: Tensor, gradient: Tensor, p_min: int) -> Tensor:
    """Return how fast each magnitude should grow, in distances to the bucket below, float32.

    The distance is a power of two: a machine subtracts it from an exponent.

    Args:
        code: int8, 0 or sign * (1 + p - p_min); 0 counts as positive.
        gradient: dL/dCe, float32, as `code`.
    """
    descent = torch.where(code < 0, gradient, -gradient)
    return torch.ldexp(descent, -p_min - (code.abs().to(torch.int32) - 2).clamp_(min=0))


def rounded(steps: Tensor, parts: int, random: Tensor) -> Tensor:
    """Return steps in K-ths of a bucket as whole numbers that are right in the mean, int8.

    Args:
        steps: float32; more than 2 K + 1 counts as so many.
        parts: K.
        random: uniform in 0 .. 1, as `steps`: below the fraction of a step it rounds up.
    """
    most = 2 * parts + 1
    return torch.floor(steps.clamp(-most, most) + random).clamp_(-most, most).to(torch.int8)


def accumulate(code: Tensor, state: Tensor, steps: Tensor, levels: int, parts: int) -> Tensor:
    """Add the steps and move the codes whose bucket is full, in place; return how many moved.

    The number stays where the codes are: asking a GPU for it would wait for all that it has to do.

    A code moves down at -K and up at K times the ratio of the distances to its two neighbours: 2,
    but for 0 and the smallest power, whose neighbours are equally far. Its state then starts at 0.
    From 0, up is the smallest positive value and down the smallest negative one. The largest code
    stays where it is, its state just below the limit.

    Args:
        code: int8, -levels .. levels; entries outside the mask are zero.
        state: int8, as `code`.
        steps: int8, as `code`; zero outside the mask.
        levels: |P|.
        parts: K.
    """
    state.add_(steps)
    size = code.abs()
    limit = torch.where(size <= 1, parts, 2 * parts).to(torch.int8)
    up, down = state >= limit, state <= -parts
    stuck = up & (size == levels)
    state.copy_(torch.where(stuck, limit - 1, state.masked_fill(up | down, 0)))
    away = torch.where(code < 0, -1, 1).to(torch.int8)
    moved = (up & ~stuck).to(torch.int8) - down.to(torch.int8)
    code.add_(moved * away)
    return torch.count_nonzero(moved)
