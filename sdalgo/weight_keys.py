"""State dicts of other projects, torchvision's as a rule, as those of the networks here.

`weight_keys/NETWORK.yaml` says what differs; without such a file the keys are the same.
"""

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor, nn

from archsim.formats.errors import InputError, Problem
from archsim.formats.record import Record, load
from archsim.formats.source import require

Arrays = dict[str, NDArray[np.generic]]
COUNTED = ".num_batches_tracked"
"""Of batch normalisation; no network here reads it, and not every file has it."""
_FOLDER = Path(__file__).parent / "weight_keys"
_TOLD = 8  # problems of one file


class WeightKeys(Record):
    """How a state dict of another project becomes that of a network here.

    A module stands for all that lies in it, and what no key names is named there as here.

    Attributes:
        whose: the network there, as a workload's `source` and messages call it.
        licence: of its weights; empty where that depends on the file.
        found: where a file is to be had, for recipes that have no other weights.
        differs: how that network is another one than ours.
        renamed: our module by theirs.
        folded: a normalisation by the convolution before it, whose bias ours has not: that
            normalisation's mean, less the bias, does the same.
        unused: their modules that have no place here.
        drawn: our modules that the file says nothing of.
    """

    whose: str
    licence: str = ""
    found: str = ""
    differs: str = ""
    renamed: dict[str, str] = Field(default_factory=dict)
    folded: dict[str, str] = Field(default_factory=dict)
    unused: list[str] = Field(default_factory=list)
    drawn: list[str] = Field(default_factory=list)

    def ours(self, key: str) -> str:
        """Our name of a tensor of theirs."""
        return _renamed(key, self.renamed)

    def theirs(self, key: str) -> str:
        """Their name of a tensor of ours."""
        return _renamed(key, {here: there for there, here in self.renamed.items()})


def weight_keys(name: str) -> WeightKeys:
    """The keys of a network, or of a recipe whose network is an ONNX file."""
    path = _FOLDER / f"{name}.yaml"
    if not path.exists():
        return WeightKeys(whose=f"the network {name}")
    return load(path, WeightKeys)[1]


def within(key: str, modules: Iterable[str]) -> bool:
    """Whether a tensor lies in one of the modules."""
    return any(key.startswith(f"{module}.") for module in modules)


def fitted(
    found: Mapping[str, NDArray[np.generic]],
    model: nn.Module,
    keys: WeightKeys,
    drawn: Collection[str],
    place: object,
) -> Arrays:
    """The tensors of a file under the names of `model`, without those of modules to be drawn.

    Args:
        drawn: our modules that are left out, in the file or not.
        place: the file, for messages.

    Raises:
        InputError: a tensor is missing, has another shape or belongs to nothing, all at once; or a
            module to draw is not there.
    """
    modules = sorted(name for name, _ in model.named_modules() if name)
    for each in drawn:
        require("module to draw", each, modules)
    own = {k: v for k, v in model.state_dict().items() if not within(k, drawn)}
    ours: Arrays = {}
    biases: Arrays = {}
    problems = []
    for key, value in found.items():
        name, conv = keys.ours(key), key.removesuffix(".bias")
        if key != conv and conv in keys.folded:
            biases[keys.folded[conv]] = value
        elif name in own and not within(key, keys.unused):
            ours[name] = value
        elif not within(key, keys.unused) and not within(name, drawn):
            said = f"is no tensor of {keys.whose}: leave it out of the file"
            problems.append(Problem(f"{place}: {key}", said))
    problems += [
        problem
        for name, value in own.items()
        if (problem := _unfit(name, value, ours.get(name), keys, place)) is not None
    ]
    problems += _fold(ours, biases, keys, place)
    if problems:
        raise InputError(_first(problems, keys, place))
    return ours


def _renamed(key: str, names: Mapping[str, str]) -> str:
    inside = [module for module in names if within(key, [module])]
    if not inside:
        return key
    longest = max(inside, key=len)
    return names[longest] + key.removeprefix(longest)


def _unfit(
    name: str, own: Tensor, value: NDArray[np.generic] | None, keys: WeightKeys, place: object
) -> Problem | None:
    """What is wrong with a tensor of ours in a file, and how it can be had."""
    shape, cure = tuple(own.shape), f"--draw {name.rpartition('.')[0]} draws it instead"
    where = f"{place}: {keys.theirs(name)}"
    if value is None:
        if name.endswith(COUNTED):
            return None
        said = f"is missing; {keys.whose} has it, {shape}: save the whole state dict, or {cure}"
        return Problem(where, said)
    if value.shape != shape:
        return Problem(where, f"is {value.shape}, and that of {keys.whose} {shape}; {cure}")
    if own.is_floating_point() and value.dtype.kind in "iub":
        return Problem(where, f"holds {value.dtype}, not floating-point numbers: store these")
    return None


def _fold(ours: Arrays, biases: Arrays, keys: WeightKeys, place: object) -> list[Problem]:
    """Take the biases off the means, in place; what is wrong with them."""
    problems = []
    for conv, norm in keys.folded.items():
        bias, mean = biases.get(norm), ours.get(f"{norm}.running_mean")
        if bias is None:
            said = f"is missing; {keys.whose} has it: save the whole state dict"
            problems.append(Problem(f"{place}: {conv}.bias", said))
        elif mean is not None and bias.shape != mean.shape:
            said = f"is {bias.shape}, and that of {keys.whose} {mean.shape}"
            problems.append(Problem(f"{place}: {conv}.bias", said))
        elif mean is not None:
            ours[f"{norm}.running_mean"] = np.subtract(mean, bias, dtype=np.float32)
    return problems


def _first(problems: list[Problem], keys: WeightKeys, place: object) -> list[Problem]:
    """The first problems, and how many there are."""
    left = len(problems) - _TOLD
    if left <= 0:
        return problems
    said = f"and {left} more tensors do not fit: are these the weights of {keys.whose}?"
    return [*problems[:_TOLD], Problem(str(place), said)]
