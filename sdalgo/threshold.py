"""Theta as a magnitude: below it a coefficient becomes zero (Algorithm 1, step 3).

Ce starts as W, so a theta that suits one layer is far off in another whose weights are ten times as
large. Presets that are not the released code's therefore give theta as a share of the layer's root
mean square (`Options.relative`).
"""

from dataclasses import replace

import numpy as np

from sdalgo.options import Options
from sdalgo.pow2 import Float32


def absolute(options: Options, weights: Float32) -> Options:
    """Return the options with theta as a magnitude, for these weights.

    Args:
        weights: of a whole layer, in any order; zeros among them, padding or pruned, do not count.
    """
    if not options.relative:
        return options
    used = int(np.count_nonzero(weights))
    power = float(np.square(weights, dtype=np.float64).sum())
    rms = (power / used) ** 0.5 if used else 0.0
    return replace(options, theta=options.theta * rms, relative=False)
