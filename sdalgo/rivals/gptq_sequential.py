"""GPTQ layer after layer, each on the inputs that the quantised layers before it give.

As in the authors' code H is that of the inputs as they are now, and the weights stay what is
rounded. With `corrected` they are first moved to where they undo what earlier layers did (as in Li
et al., "GPTAQ", 2025, where asymmetric calibration is the same least-squares problem).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import nn

from sdalgo.activations.moments import Moments
from sdalgo.activations.passing import Reached, pass_once
from sdalgo.pow2 import Float32
from sdalgo.rivals.coded import Coded
from sdalgo.rivals.gptq import DAMP, gptq


@dataclass(frozen=True, kw_only=True)
class Form:
    """What a layer is fitted to.

    Attributes:
        corrected: W X X_q^T H^-1 is what is rounded, not W.
        known: share in H of the moments of all images in the original network; the rest is that of
            the images passing.
    """

    corrected: bool = True
    known: float = 0.5


def gptq_sequential(
    model: nn.Module,
    images: NDArray[np.generic],
    levels: int,
    known: Mapping[str, Moments],
    form: Form | None = None,
) -> dict[str, Coded]:
    """Quantise weights to `levels` values a filter, in the order in which the network uses them.

    Args:
        images: calibration inputs; at most `sdalgo.activations.passing.MOST_PASSING` pass.
        known: moments of the original network (`layer_moments`), by the names of the weights that
            are quantised.
        form: None: `Form()`.
    """
    form = form or Form()
    found: dict[str, Coded] = {}

    def fit(name: str, weight: Float32, reached: Reached) -> Float32:
        mixed = reached.mixed(known[name].second, form.known).damped(DAMP)
        target = mixed.target(weight) if form.corrected else None
        held = Moments(second=mixed.second, columns=mixed.columns, target=target)
        found[name] = gptq(weight, held, levels, damp=0.0)
        return found[name].rebuild()

    pass_once(model, images, known, fit)
    return found
