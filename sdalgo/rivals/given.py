"""What a method may look at: weights, and for methods that ask for it what reaches the layers."""

import time
from functools import cached_property

from sdalgo.activations.inputs import layer_moments
from sdalgo.activations.moments import Moments
from sdalgo.activations.network import calibrated_layers
from sdalgo.options import CALIBRATED, ActivationOptions, preset
from sdalgo.rivals.subject import Subject


def priced(*, sequential: bool = False) -> ActivationOptions:
    """Return the options of the preset `activations` for prices of a bit, in place of a budget."""
    options = preset(CALIBRATED, bits=None, sequential=sequential)
    assert isinstance(options, ActivationOptions)
    return options


class Given:
    """The weights of a network, and moments of its layers' inputs once somebody asks.

    Attributes:
        seconds: of the processor that the moments took, by their name.
    """

    def __init__(self, subject: Subject) -> None:
        self.model, self.images = subject.model, subject.calibration
        self.weights = subject.weights
        self.seconds: dict[str, float] = {}

    @cached_property
    def moments(self) -> dict[str, Moments]:
        """Of every layer, not damped."""
        began = time.process_time()
        found = layer_moments(self.model, self.images)
        self.seconds["moments"] = time.process_time() - began
        return found

    @cached_property
    def calibrated(self) -> dict[str, Moments]:
        """Damped, with sensitivities: what the preset `activations` takes."""
        began = time.process_time()
        _, found = calibrated_layers(self.model, self.images, priced())
        self.seconds["calibrated"] = time.process_time() - began
        return found
