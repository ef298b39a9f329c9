"""The optimiser of Ce: signals from gradients, directions from signals, bucket switches."""

from collections.abc import Mapping

import torch
from torch import Tensor

from sdalgo.training.accumulate import accumulate, growth, rounded
from sdalgo.training.bucket import Rule, directions, switch
from sdalgo.training.weight import DecomposedWeight


class BucketSwitch:
    """Updates the codes of a network after each backward pass.

    Args:
        layers: by name, as `decomposed_weights` gives them.
        rule: of the switch.
        momentum: of the descent that trains the other weights, which a gain stands for.
    """

    def __init__(
        self, layers: Mapping[str, DecomposedWeight], rule: Rule, momentum: float = 0.0
    ) -> None:
        self.layers, self.rule = layers, rule
        self.gain = 1 / (1 - momentum) if rule.gain is None else rule.gain
        self.velocity: dict[str, Tensor] = {}  # stays empty without momentum

    def start_epoch(self) -> None:
        """Clear the counters where the rule says so."""
        if self.rule.reset == "epoch":
            for held in self.layers.values():
                held.counter.zero_()

    @torch.no_grad()
    def step(self, lr: float) -> int:
        """Use up the gradients of the last backward pass; return how many coefficients changed.

        Layers without a gradient stay.

        Args:
            lr: enters the signal where the rule compares or adds steps, and is unused elsewhere.
        """
        switched = 0
        for name, held in self.layers.items():
            if held.gradient is None:
                continue
            gradient = self._taken(held)
            if self.rule.signal == "accumulate":
                switched += self._accumulated(held, gradient, lr)
                continue
            descent = self._descent(name, gradient, lr)
            # Outside the mask gradient, value and hence signal are zero: no move is asked for.
            moves = directions(descent, self.rule.theta_g)
            switched += switch(held.code, held.counter, moves, held.levels, self.rule)
        return switched

    def _taken(self, held: DecomposedWeight) -> Tensor:
        """Take a layer's gradient, with the decay of its values."""
        gradient, held.gradient = held.gradient, None
        assert gradient is not None
        if self.rule.weight_decay:
            return gradient + self.rule.weight_decay * held.values()
        return gradient

    def _accumulated(self, held: DecomposedWeight, gradient: Tensor, lr: float) -> int:
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
        """Return the momentum, if any; codes and counters are the network's own state."""
        return dict(self.velocity)

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Restore what `state_dict` gave."""
        self.velocity = {name: value.clone() for name, value in state.items()}
