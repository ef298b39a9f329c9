"""What an arm does with gradients: plain training, SD-T, or training and decomposing in turn.

A learner owns a network and its optimiser. The loop calls `start_epoch`, `update` after each
backward pass and `end_epoch`; `settle` puts an averaged network into the arm's form, and `size`
says what the network costs to store.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import torch
from torch import Tensor, nn

from sdalgo import sparsity
from sdalgo.training.bucket import Rule
from sdalgo.training.components import Components
from sdalgo.training.convert import Form, decomposed_weights, row_mask
from sdalgo.training.sizes import EMPTY, Size, decomposed_size, dense_size, weight_parameters
from sdalgo.training.switching import BucketSwitch


@dataclass(frozen=True, kw_only=True)
class Descent:
    """Of stochastic gradient descent, for everything that is not a code."""

    momentum: float = 0.9
    weight_decay: float = 5e-4


class Learner:
    """A network, and how it learns: with float weights, as arm VA and all pre-training do."""

    def __init__(self, model: nn.Module, descent: Descent) -> None:
        self.model = model
        self.trained = [p for p in model.parameters() if p.requires_grad]
        # The learning rate is set before each update.
        self.descent = torch.optim.SGD(
            self.trained, lr=1.0, momentum=descent.momentum, weight_decay=descent.weight_decay
        )

    def start_epoch(self) -> None:
        """Called before the first batch of an epoch."""

    def update(self, lr: float) -> Tensor | int:
        """Use up the gradients of a backward pass; return how many buckets switched."""
        for group in self.descent.param_groups:
            group["lr"] = lr
        self.descent.step()
        self.descent.zero_grad()
        return 0

    def end_epoch(self) -> None:
        """Called after the last batch of an epoch, and before the first epoch."""

    def settle(self, model: nn.Module) -> None:
        """Put an averaged network into this arm's form, in place."""

    def size(self, model: nn.Module) -> Size:
        """Return what a network of this arm costs to store."""
        return dense_size(model)

    def state_dict(self) -> dict[str, Any]:
        """Return everything that a resumed training needs."""
        return {"model": self.model.state_dict(), "descent": self.descent.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore what `state_dict` gave."""
        self.model.load_state_dict(state["model"])
        self.descent.load_state_dict(state["descent"])


class Switching(Learner):
    """SD-T on a network that `to_decomposed` has converted: arms SD and SS.

    Args:
        first_rate: of the schedule, for a rule whose threshold follows the rate.
    """

    def __init__(
        self, model: nn.Module, descent: Descent, rule: Rule, first_rate: float = 1.0
    ) -> None:
        super().__init__(model, descent)
        self.buckets = BucketSwitch(decomposed_weights(model), rule, descent.momentum, first_rate)

    def start_epoch(self) -> None:
        self.buckets.start_epoch()

    def update(self, lr: float) -> Tensor | int:
        super().update(lr)
        return self.buckets.step(lr)

    def size(self, model: nn.Module) -> Size:
        return decomposed_size(model)

    def state_dict(self) -> dict[str, Any]:
        return super().state_dict() | {"buckets": self.buckets.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        super().load_state_dict(state)
        self.buckets.load_state_dict(state["buckets"])


class Alternating(Learner):
    """Re-training: an epoch on float weights, then the components' pass over them (III-C2).

    Rows that structured sparsity drops are chosen once, from the weights at the start, and stay
    zero after every step.

    Args:
        form: gives the share of rows to drop in each layer, and the layers left as they are.
        keep_zeros: all zeros of a pass over the weights at the start stay zero likewise, which is
            how unstructured pruning is usually re-trained.
    """

    def __init__(
        self, model: nn.Module, descent: Descent, components: Components, form: Form,
        *, keep_zeros: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(model, descent)
        self.components = components
        self.masks: dict[str, Tensor] = {}
        self.sizes: WeakKeyDictionary[nn.Module, Size] = WeakKeyDictionary()
        self.chosen = [
            name for name in weight_parameters(model)
            if name.removesuffix(".weight") not in form.dense
        ]  # fmt: skip
        for name in self.chosen if "SS" in components.used else ():
            weight = _array(model.get_parameter(name))
            live = row_mask(weight, form.ratio(name.removesuffix(".weight")))
            if live is not None:
                ones = sparsity.apply_row_mask(np.ones_like(weight), live)
                self.masks[name] = _like(model.get_parameter(name), ones != 0)
        for name in self.chosen if keep_zeros else ():
            settled, _ = components(_array(model.get_parameter(name)))
            kept = _like(model.get_parameter(name), settled != 0)
            self.masks[name] = kept & self.masks.get(name, kept)

    def update(self, lr: float) -> int:
        super().update(lr)
        self._keep_masks(self.model)
        return 0

    def end_epoch(self) -> None:
        self.settle(self.model)

    @torch.no_grad()
    def settle(self, model: nn.Module) -> None:
        self._keep_masks(model)
        total = EMPTY
        for name, held in weight_parameters(model).items():
            if name in self.chosen:
                settled, size = self.components(_array(held))
                held.copy_(torch.from_numpy(settled))
            else:
                nonzeros = int(torch.count_nonzero(held))
                size = Size(bits=32 * held.numel(), nonzeros=nonzeros, entries=held.numel())
            total += size
        self.sizes[model] = total

    @torch.no_grad()
    def _keep_masks(self, model: nn.Module) -> None:
        for name, mask in self.masks.items():
            model.get_parameter(name).mul_(mask)

    def size(self, model: nn.Module) -> Size:
        """Return the size found when `model` was settled."""
        return self.sizes[model]


def _like(value: Tensor, mask: np.ndarray[Any, np.dtype[np.bool_]]) -> Tensor:
    return torch.from_numpy(mask).to(value.device)


def _array(value: Tensor) -> np.ndarray[Any, np.dtype[np.float32]]:
    return value.detach().to("cpu", torch.float32).numpy().copy()
