"""The optimiser of Ce: signals from gradients, directions from signals, bucket switches."""

from collections.abc import Mapping

import torch
from torch import Tensor

from sdalgo.training.accumulate import accumulate, growth, rounded
from sdalgo.training.bucket import Rule, directions, switch
from sdalgo.training.weight import DecomposedWeight

RMS_KEPT = 0.9
"""Of a layer's mean square, from one step to the next: a memory of about ten steps."""
_POWER = "#mean square"  # no name of a layer holds a #


class BucketSwitch:
    """Updates the codes of a network after each backward pass.

    Args:
        layers: by name, as `decomposed_weights` gives them.
        rule: of the switch.
        momentum: of the descent that trains the other weights, which a gain stands for.
        first_rate: at which theta_g is as given, where the rule lets it follow the rate.
    """

    def __init__(
        self, layers: Mapping[str, DecomposedWeight], rule: Rule,
        momentum: float = 0.0, first_rate: float = 1.0,
    ) -> None:  # fmt: skip
        self.layers, self.rule, self.first_rate = layers, rule, first_rate
        self.power: dict[str, Tensor] = {}  # running mean square of the signal; a number a layer
        self.gain = 1 / (1 - momentum) if rule.gain is None else rule.gain
        self.velocity: dict[str, Tensor] = {}  # stays empty without momentum

    def start_epoch(self) -> None:
        """Clear the counters where the rule says so."""
        if self.rule.reset == "epoch":
            for held in self.layers.values():
                held.counter.zero_()

    @torch.no_grad()
    def step(self, lr: float) -> Tensor | int:
        """Use up the gradients of the last backward pass; return how many coefficients changed.

        Layers without a gradient stay.

        Args:
            lr: enters the signal where the rule compares or adds steps, and is unused elsewhere.
        """
        switched: Tensor | int = 0
        for name, held in self.layers.items():
            if held.gradient is None:
                continue
            gradient = self._taken(held)
            if self.rule.signal == "accumulate":
                switched += self._accumulated(held, gradient, lr)
                continue
            descent = self._descent(name, gradient, lr)
            # Outside the mask gradient, value and hence signal are zero: no move is asked for.
            moves = directions(descent, self._threshold(name, held, descent, lr))
            switched += switch(held.code, held.counter, moves, held.levels, self.rule)
        return switched

    def _threshold(
        self, name: str, held: DecomposedWeight, descent: Tensor, lr: float
    ) -> Tensor | float:
        """theta_g of a layer in this step; a tensor where it depends on the signal."""
        theta_g = self.rule.theta_g * (lr / self.first_rate if self.rule.follows_rate else 1.0)
        if self.rule.relative is None:
            return theta_g
        now = descent.square().sum() / held.mask.sum().clamp_(min=1)
        kept = self.power.get(name)
        self.power[name] = now if kept is None else kept.lerp(now, 1 - RMS_KEPT)
        return self.power[name].sqrt() * theta_g

    def _taken(self, held: DecomposedWeight) -> Tensor:
        """Take a layer's gradient, with the decay of its values."""
        gradient, held.gradient = held.gradient, None
        assert gradient is not None
        if self.rule.weight_decay:
            return gradient + self.rule.weight_decay * held.values()
        return gradient

    def _accumulated(self, held: DecomposedWeight, gradient: Tensor, lr: float) -> Tensor:
        """Add a layer's steps up; random numbers are torch's own, seeded in the loop each epoch."""
        parts = self.rule.parts
        exact = growth(held.code, gradient, held.p_min).mul_(lr * self.gain * parts)
        # Off the mask a step is zero, and stays it: no random number is below its fraction.
        steps = rounded(exact, parts, torch.rand_like(exact))
        return accumulate(held.code, held.counter, steps, held.levels, parts)

    def _descent(self, name: str, signal: Tensor, lr: float) -> Tensor:
        """Minus the gradient, or minus lr times its running sum: where the values should go."""
        rule = self.rule
        if rule.momentum:
            kept = self.velocity.get(name)
            signal = signal.clone() if kept is None else kept.mul_(rule.momentum).add_(signal)
            self.velocity[name] = signal
        return signal * (-lr if rule.signal == "step" else -1.0)

    def state_dict(self) -> dict[str, Tensor]:
        """Return momentum and mean squares, if any; codes and counters are the network's own."""
        powers = {f"{name}{_POWER}": value for name, value in self.power.items()}
        return self.velocity | powers

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Restore what `state_dict` gave."""
        kept = {name: value.clone() for name, value in state.items()}
        self.power = {name.removesuffix(_POWER): kept.pop(name)
                      for name in state if name.endswith(_POWER)}  # fmt: skip
        self.velocity = kept
