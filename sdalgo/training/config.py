"""Training files: what `sdalgo train` reads (docs/training.md)."""

from __future__ import annotations

import difflib
import hashlib
import json
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from archsim.formats.errors import InputError
from sdalgo.recipe import load_ratios
from sdalgo.training.bucket import Rule
from sdalgo.training.components import NAMES
from sdalgo.training.convert import Form
from sdalgo.training.schedule import Schedule
from sdalgo.training.source import read_mapping

Share = Annotated[float, Field(ge=0, lt=1)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1)]
Text = Annotated[str, Field(min_length=1)]


def _ratios(value: Any) -> Any:
    """A shipped list of ratios by its name; anything else as it is."""
    if not isinstance(value, str):
        return value
    try:
        return load_ratios(value)
    except InputError as error:
        raise ValueError(str(error)) from error


Rows = Annotated[dict[str, Share], BeforeValidator(_ratios)]  # of a layer; `default` for others
_PATH_CHARACTERS = r"^[A-Za-z0-9_+.\-]+$"


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Data(_Strict):
    """Where samples come from."""

    kind: Literal["idx", "digits_json", "cifar10", "cifar100", "text", "brown"]
    folder: Text
    size: Count = 28  # pixels a side, or characters in a window
    train: Count | None = None  # how many training samples to use; None: all
    test: Count | None = None
    augment: Literal["none", "crop_flip"] = "none"


class Phase(_Strict):
    """Epochs and rates of one training (appendix E)."""

    epochs: Annotated[int, Field(ge=0)]
    lr: Positive
    swa_start: Count | None = None
    swa_lr: Positive = 2e-3

    def schedule(self) -> Schedule:
        """Return the same as the loop takes it."""
        return Schedule(**self.model_dump())


class Switch(_Strict):
    """Of SD-T: the fields of `bucket.Rule`."""

    theta_g: float = 5e-3
    theta_c: int = 7
    signal: Literal["gradient", "step"] = "gradient"
    reset: Literal["fire", "epoch"] = "fire"
    low_end: Literal["zero", "hold"] = "zero"
    momentum: float = 0.0
    weight_decay: float = 0.0

    def rule(self) -> Rule:
        """Return the rule, checked."""
        return Rule(**self.model_dump())


class Arm(_Strict):
    """One way to train or to compress; what is not given is the file's."""

    name: Annotated[str, Field(pattern=_PATH_CHARACTERS)]
    method: Literal["vanilla", "switch", "components"]
    components: tuple[Literal["DE", "Q2", "US", "SS", "RT"], ...] = ()
    theta: Positive | None = None
    rows_pruned: Rows | None = None
    switch: Switch | None = None
    equal_bits: str | None = None  # an earlier arm, whose size this one is pruned to
    keep_zeros: bool = False  # of re-training: the first pass's zeros stay, as pruning usually does
    paper: dict[str, float] | None = None  # its row in the paper, for the table


class Experiment(_Strict):
    """A network, data, a task, arms and seeds."""

    name: Annotated[str, Field(pattern=_PATH_CHARACTERS)]
    network: Text
    data: Data
    task: Literal["fine_tuning", "adaptation", "compression"]
    arms: tuple[Arm, ...]
    seeds: tuple[Annotated[int, Field(ge=0)], ...] = (0,)
    batch: Count = 128
    validation: Annotated[float, Field(gt=0, lt=1)] = 0.1
    source_classes: Annotated[float, Field(gt=0, lt=1)] = 0.5
    pretrain: Phase
    train: Phase
    theta: Positive = 7e-3
    highest: Annotated[int, Field(ge=-8, le=8)] = 0
    rows_pruned: Rows = {"default": 0.0}
    dense: tuple[str, ...] = ()
    switch: Switch = Switch()
    momentum: Share = 0.9
    weight_decay: Annotated[float, Field(ge=0)] = 5e-4

    def form(self, arm: Arm) -> Form:
        """Return the decomposed form of an arm; rows are dropped where it asks for SS."""
        rows = (arm.rows_pruned or self.rows_pruned) if "SS" in arm.components else None
        theta = arm.theta or self.theta
        return Form(theta=theta, highest=self.highest, rows_pruned=rows, dense=self.dense)

    def rule(self, arm: Arm) -> Rule:
        """Return the bucket switch of an arm."""
        return (arm.switch or self.switch).rule()

    def arm_key(self, arm: Arm, *parts: Any) -> str:
        """Return `key` of a run of an arm: of its settings, less what is at its default."""
        unused = {"paper"} if arm.keep_zeros else {"paper", "keep_zeros"}
        return self.key(arm.model_dump(exclude=unused), *parts)

    def key(self, *parts: Any) -> str:
        """Return a digest of everything that decides what a run computes; not its length.

        Args:
            parts: what tells the runs of an experiment apart.
        """
        shared = self.model_dump(exclude={"arms": True, "seeds": True, "data": {"folder"}})
        text = json.dumps([shared, *parts], sort_keys=True, default=list)
        return hashlib.blake2b(text.encode(), digest_size=12).hexdigest()


_NAMED = {
    "VA": Arm(name="VA", method="vanilla"),
    "SD": Arm(name="SD", method="switch"),
    "SS": Arm(name="SS", method="switch", components=("SS",)),
}


def shipped() -> dict[str, Path]:
    """Return the training files of the package by name."""
    folder = Path(str(resources.files("sdalgo").joinpath("training", "configs")))
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))}


def load_experiment(path: Path) -> Experiment:
    """Read and check a training file, or a shipped one by its name.

    Raises:
        InputError: it cannot be read, or a key or value is wrong; all of them in one message.
    """
    if path.name == str(path) and not path.suffix and not path.exists():
        if path.name not in shipped():
            near = difflib.get_close_matches(path.name, shipped(), n=1)
            hint = f", did you mean {near[0]}?" if near else "; `sdalgo list trainings` has all"
            raise InputError.at(path.name, f"neither a file nor a shipped training{hint}")
        path = shipped()[path.name]
    values = read_mapping(path)
    arms = values.get("arms")
    if isinstance(arms, list):
        values = {**values, "arms": [_named(str(path), arm) for arm in arms]}
    try:
        experiment = Experiment.model_validate(values)
    except ValidationError as error:
        raise InputError.at(path, _messages(error)) from error
    _check(str(path), experiment)
    return experiment


def narrowed(
    experiment: Experiment, folder: Path | None, seeds: list[int] | None, arms: list[str] | None
) -> Experiment:
    """Return the experiment with another data folder, other seeds, or fewer arms.

    Raises:
        InputError: an arm does not exist, or is sized after one that is left out.
    """
    changed: dict[str, Any] = {}
    if folder:
        changed["data"] = experiment.data.model_copy(update={"folder": str(folder)})
    if seeds:
        changed["seeds"] = tuple(seeds)
    if arms:
        known = [arm.name for arm in experiment.arms]
        for name in arms:
            if name not in known:
                raise InputError.at(f"arm {name}", f"unknown; there are {', '.join(known)}")
        changed["arms"] = tuple(arm for arm in experiment.arms if arm.name in arms)
    found = experiment.model_copy(update=changed)
    _check(experiment.name, found)
    return found


def _named(place: str, arm: Any) -> Any:
    if not isinstance(arm, str):
        return arm
    if arm not in _NAMED:
        raise InputError.at(
            place,
            f"arm {arm}: unknown; {', '.join(_NAMED)}, or a mapping with name, "
            f"method and components ({', '.join(NAMES)})",
        )
    return _NAMED[arm].model_dump()


def _messages(error: ValidationError) -> str:
    found = []
    for one in error.errors():
        where = ".".join(str(part) for part in one["loc"])
        message = one["msg"].removeprefix("Value error, ").replace("a valid tuple", "a list")
        if one["type"] == "extra_forbidden":
            near = difflib.get_close_matches(str(one["loc"][-1]), _keys(), n=1)
            message = "unknown key" + (f", did you mean {near[0]}?" if near else "")
        found.append(f"{where}: {message}")
    return "; ".join(found)


def _keys() -> list[str]:
    return [key for part in (Experiment, Data, Phase, Arm, Switch) for key in part.model_fields]


def _check(place: str, experiment: Experiment) -> None:
    """What no single field can know."""
    names = [arm.name for arm in experiment.arms]
    if not names or len(set(names)) != len(names):
        raise InputError.at(place, "arms: at least one, each with a name of its own")
    if not experiment.seeds or len(set(experiment.seeds)) != len(experiment.seeds):
        raise InputError.at(place, "seeds: at least one, each once")
    if min(experiment.seeds) < 0:
        raise InputError.at(place, f"seeds: {min(experiment.seeds)} is below 0")
    for index, arm in enumerate(experiment.arms):
        if arm.equal_bits and arm.equal_bits not in names[:index]:
            message = f"arm {arm.name}: equal_bits: no arm {arm.equal_bits} stands before it"
            raise InputError.at(place, message)
        if arm.keep_zeros and not {"US", "RT"} <= set(arm.components):
            raise InputError.at(place, f"arm {arm.name}: keep_zeros: takes components US and RT")
        experiment.form(arm).options()
        experiment.rule(arm)
