"""Bucket switch updating: how a power-of-two coefficient moves (paper IV #2, appendix D).

A coefficient is 0 or +-2^p with p in P = {p_min .. p_min + levels - 1}. Its code is 0, or
sign * (1 + p - p_min), so the codes of one coefficient stand on a line, -levels .. levels, in the
order of their values. Moving a value up or down by one bucket is therefore adding +1 or -1 to its
code: a negative coefficient halves when it moves up, the smallest one moves to zero, and zero can
be left on either side. Each coefficient has an integer counter of the directions asked for; it
moves once they add up to `theta_c`. Nothing here is a floating-point weight.
"""

from typing import Annotated, Any, Literal, Self

import torch
from pydantic import (
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)
from torch import Tensor

from archsim.formats.record import Record

NotNegative = Annotated[float, Field(ge=0)]
MOST_COUNTS = 126  # an int8 counter holds one more
MOST_PARTS = 31  # 2 K - 1 and a step of 2 K + 1 fit in an int8
COUNTED = {
    "theta_g", "relative", "follows_rate", "theta_c", "reset", "low_end", "momentum"
}  # fmt: skip
ADDED = {"parts", "gain"}


class Rule(Record):
    """When and how coefficients move. Where paper and released code differ there is a switch.

    Attributes:
        theta_g: signals of at most this magnitude count as zero.
        relative: theta_g is this multiple of a layer's running rms of the signal, not a magnitude.
        follows_rate: theta_g falls as the learning rate does: it is times the rate over the first.
        theta_c: directions, up less down, that move a coefficient.
        signal: what theta_g is compared with: the gradient (paper) or the optimiser's whole step,
            learning rate and momentum included (released code). `accumulate` compares nothing: it
            adds steps up (sdalgo.training.accumulate) and takes `parts` and `gain` instead of the
            thresholds and the momentum.
        reset: counters are cleared when they fire (paper), or also at the start of each epoch
            (released code).
        low_end: the smallest power moves on to zero, and back out on either side (released code;
            the paper lets non-zeros become zero), or stays where it is.
        momentum: of the signal; above 0 it costs a float for each coefficient.
        weight_decay: added to the gradient, times the coefficient's value.
        parts: K-ths of a bucket in which steps are added up.
        gain: of a step; 1 / (1 - momentum) of the other weights' descent where it is not given.
    """

    theta_g: NotNegative = 5e-3
    relative: Literal["rms"] | None = None
    follows_rate: bool = False
    theta_c: Annotated[int, Field(ge=1, le=MOST_COUNTS)] = 7
    signal: Literal["gradient", "step", "accumulate"] = "gradient"
    reset: Literal["fire", "epoch"] = "fire"
    low_end: Literal["zero", "hold"] = "zero"
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.0
    weight_decay: NotNegative = 0.0
    parts: Annotated[int, Field(ge=1, le=MOST_PARTS)] = 5
    gain: Annotated[float, Field(gt=0)] | None = None

    @model_validator(mode="after")
    def _only_what_counts(self) -> Self:
        """Refuse keys that the signal has no use for.

        Raises:
            ValueError: naming one of them.
        """
        unused = COUNTED if self.signal == "accumulate" else ADDED
        if asked := sorted(unused & self.model_fields_set):
            raise ValueError(f"{asked[0]} has no meaning with signal {self.signal}")
        return self

    @model_serializer(mode="wrap")
    def _of_its_signal(self, dumped: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out what adding up alone has: keys of runs by other signals stay what they were."""
        found: dict[str, Any] = dumped(self)
        unused = () if self.signal == "accumulate" else ADDED
        return {key: value for key, value in found.items() if key not in unused}

    @property
    def state_values(self) -> int:
        """How many values the integer of a code may have."""
        return 3 * self.parts - 1 if self.signal == "accumulate" else 2 * self.theta_c + 1


# Appendix E with the readings of paper and code; momentum 0.9 and 5e-4 are the released driver's.
AS_PAPER = Rule()
AS_RELEASED = Rule(signal="step", reset="epoch", momentum=0.9, weight_decay=5e-4)


def on_cpu(tensor: Tensor) -> bool:
    """Whether looking at a number of it is free, so that work can be left out."""
    return tensor.device.type == "cpu"


def directions(descent: Tensor, theta_g: float | Tensor) -> Tensor:
    """Return int8 +1, -1 or 0: where each value should go.

    Args:
        descent: minus the gradient, or the step; any shape.
        theta_g: magnitudes up to this give 0.
    """
    return descent.gt(theta_g).to(torch.int8) - descent.lt(-theta_g).to(torch.int8)


def switch(code: Tensor, counter: Tensor, moves: Tensor, levels: int, rule: Rule) -> Tensor:
    """Count the moves and switch the buckets that are full, in place; return how many changed.

    The number stays where the codes are: asking a GPU for it would wait for all that it has to do.

    Args:
        code: int8, -levels .. levels; entries outside the mask are zero.
        counter: int8, as `code`.
        moves: int8 +1, -1 or 0, as `code`; zero outside the mask.
        levels: |P|.
    """
    counter.add_(moves)
    full = counter.abs() >= rule.theta_c
    if on_cpu(full) and not full.any():
        return full.sum()
    wanted = (code + counter.sign() * full).clamp_(-levels, levels)
    if rule.low_end == "hold":
        wanted = torch.where((wanted == 0) & (code != 0), code, wanted)
    changed = (wanted != code).sum()
    code.copy_(wanted)
    counter.masked_fill_(full, 0)
    return changed
