"""Training files: what `sdalgo train` reads (docs/reference/training.md)."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from archsim.formats.errors import InputError, Problem
from archsim.formats.record import MAX_SEED, Record, load
from archsim.formats.source import require, unknown
from sdalgo.ratios import shipped_ratios
from sdalgo.training.bucket import NotNegative, Rule
from sdalgo.training.convert import Form
from sdalgo.training.files import content
from sdalgo.training.schedule import Positive, Schedule

Share = Annotated[float, Field(ge=0, lt=1)]
Part = Annotated[float, Field(gt=0, lt=1)]
Count = Annotated[int, Field(ge=1, le=2**31 - 1)]
Text = Annotated[str, Field(min_length=1)]
Path_ = tuple[Any, ...]


def _ratios(value: Any) -> Any:
    """A shipped list of ratios by its name; anything else as it is."""
    if not isinstance(value, str):
        return value
    try:
        return shipped_ratios(value)
    except InputError as error:
        raise ValueError(str(error)) from error


Rows = Annotated[dict[str, Share], BeforeValidator(_ratios)]  # of a layer; `default` for others
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_+][A-Za-z0-9_+.\-]*$", max_length=100)]
"""Names of folders in the folder of the runs, hence no path: neither `..` nor a hidden folder."""


class Data(Record):
    """Where samples come from."""

    kind: Literal["idx", "digits_json", "cifar10", "cifar100", "text", "brown"]
    folder: Text
    size: Count = 28  # pixels a side, or characters in a window
    train: Count | None = None  # how many training samples to use; None: all
    test: Count | None = None
    augment: Literal["none", "crop_flip"] = "none"
    scale: Literal["own", "imagenet"] = "own"
    """Pixels less mean over deviation: of all training pixels, or ImageNet's of each channel."""


PRETRAINING = "pretrain"
"""What stands in place of an arm in the name of the pre-training's folder."""
Component = Literal["DE", "Q2", "US", "SS", "RT"]


class Arm(Record):
    """One way to train or to compress; what is not given is the file's."""

    name: Name
    method: Literal["vanilla", "switch", "components"]
    components: Annotated[tuple[Component, ...], Field(strict=False)] = ()
    theta: Positive | None = None
    rows_pruned: Rows | None = None
    switch: Rule | None = None
    equal_bits: str | None = None  # an earlier arm, whose size this one is pruned to
    keep_zeros: bool = False  # of re-training: the first pass's zeros stay, as pruning usually does
    paper: dict[str, float] | None = None  # its row in the paper, for the table


_NAMED = {
    "VA": Arm(name="VA", method="vanilla"),
    "SD": Arm(name="SD", method="switch"),
    "SS": Arm(name="SS", method="switch", components=("SS",)),
}


def _arm(value: Any) -> Any:
    """One of the named arms by its name; anything else as it is."""
    if not isinstance(value, str):
        return value
    if value not in _NAMED:
        raise ValueError(f"{unknown('arm', value, _NAMED)}, or a mapping with name and method")
    return _NAMED[value]


ArmOrName = Annotated[Arm, BeforeValidator(_arm)]
Seed = Annotated[int, Field(ge=0, le=MAX_SEED)]


class Experiment(Record):
    """A network, data, a task, arms and seeds."""

    name: Name
    network: Text
    weights: Text | None = None
    """A file with the network's trained weights, from which the pre-training then starts."""
    data: Data
    task: Literal["fine_tuning", "adaptation", "compression"]
    arms: Annotated[tuple[ArmOrName, ...], Field(strict=False, min_length=1)]
    seeds: Annotated[tuple[Seed, ...], Field(strict=False, min_length=1)] = (0,)
    batch: Count = 128
    validation: Part = 0.1
    source_classes: Part = 0.5
    pretrain: Schedule
    train: Schedule
    theta: Positive = 7e-3
    highest: Annotated[int, Field(ge=-8, le=8)] = 0
    rows_pruned: Rows = Field(default_factory=lambda: {"default": 0.0})
    dense: Annotated[tuple[str, ...], Field(strict=False)] = ()
    classifier: Literal["new", "kept"] = "new"
    """In adaptation: drawn anew for the classes that are new, or kept with an output for every
    class of the set, as the authors' CIFAR-100 runs do; labels then keep their numbers."""
    switch: Rule = Rule()
    momentum: Share = 0.9
    weight_decay: NotNegative = 5e-4
    memory_format: Literal["contiguous", "channels_last"] = "contiguous"
    """How images lie in memory, in torch's words: channels last is faster where layers have few
    of them, and sums in another order."""
    autocast: Literal["none", "bfloat16"] = "none"
    """Products and convolutions of a training step in bfloat16, weights and their rebuilding in
    float32; evaluations stay in float32. For devices with units for it."""

    def form(self, arm: Arm) -> Form:
        """Return the decomposed form of an arm; rows are dropped where it asks for SS."""
        rows = (arm.rows_pruned or self.rows_pruned) if "SS" in arm.components else None
        theta = arm.theta or self.theta
        return Form(theta=theta, highest=self.highest, rows_pruned=rows, dense=self.dense)

    def rule(self, arm: Arm) -> Rule:
        """Return the bucket switch of an arm."""
        return arm.switch or self.switch

    def arm_key(self, arm: Arm, *parts: Any) -> str:
        """Return `key` of a run of an arm: of its settings, less what is at its default."""
        unused = {"paper"} if arm.keep_zeros else {"paper", "keep_zeros"}
        return self.key(arm.model_dump(exclude=unused), *parts)

    def key(self, *parts: Any) -> str:
        """Return a digest of everything that decides what a run computes; not its length.

        Args:
            parts: what tells the runs of an experiment apart.
        """
        unused: dict[str, bool | set[str]] = {
            "arms": True, "seeds": True, "data": {"folder"}, "weights": True
        }  # fmt: skip
        shared = self.model_dump(exclude=unused)
        if self.weights is not None:
            shared["weights"] = hashlib.blake2b(content(Path(self.weights))).hexdigest()
        text = json.dumps(_as_before([shared, *parts]), sort_keys=True, default=list)
        return hashlib.blake2b(text.encode(), digest_size=12).hexdigest()


_LATER: dict[str, Any] = {
    "scale": "own", "relative": None, "follows_rate": False, "classifier": "new",
    "swa_first": "after", "swa_small": "nearest", "memory_format": "contiguous",
    "autocast": "none",
}  # fmt: skip
"""Keys that came after runs had been kept, with the value that means what was done before."""


def _as_before(value: Any) -> Any:
    """Settings less what is in `_LATER` at that value, so that the key of a kept run stays."""
    if isinstance(value, dict):
        if value.get("swa_start", 0) is None:  # nothing is averaged, from whichever epoch on
            value = value | {"swa_first": _LATER["swa_first"]}
        return {k: _as_before(v) for k, v in value.items() if k not in _LATER or v != _LATER[k]}
    return [_as_before(v) for v in value] if isinstance(value, (list, tuple)) else value


def shipped() -> dict[str, Path]:
    """Return the training files of the package by name."""
    folder = Path(__file__).parent / "configs"
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))}


def load_experiment(path: Path) -> Experiment:
    """Read and check a training file, or a shipped one by its name.

    Raises:
        InputError: it cannot be read, or a key or value is wrong; all of them in one message.
    """
    if path.name == str(path) and not path.suffix and not path.exists():
        require("training file", path.name, shipped())
        path = shipped()[path.name]
    document, experiment = load(path, Experiment)
    wrong = [Problem(document.place(*at), said) for at, said in _contradictions(experiment)]
    if wrong:
        raise InputError(wrong)
    return experiment


def narrowed(
    experiment: Experiment, folder: Path | None, seeds: list[int] | None, arms: list[str] | None,
    weights: Path | None = None,
) -> Experiment:  # fmt: skip
    """Return the experiment with other data, seeds or weights, or fewer arms.

    Raises:
        InputError: an arm does not exist, or is sized after one that is left out.
    """
    changed: dict[str, Any] = {}
    if folder:
        changed["data"] = experiment.data.model_copy(update={"folder": str(folder)})
    if weights:
        changed["weights"] = str(weights)
    if seeds:
        changed["seeds"] = tuple(seeds)
    if arms:
        for name in arms:
            require("arm", name, [arm.name for arm in experiment.arms])
        changed["arms"] = tuple(arm for arm in experiment.arms if arm.name in arms)
    found = experiment.model_copy(update=changed)
    wrong = [Problem(experiment.name, said) for _, said in _contradictions(found)]
    if wrong:
        raise InputError(wrong)
    return found


def _contradictions(experiment: Experiment) -> Iterator[tuple[Path_, str]]:
    """What no single field can know: where it stands in the file, and what it is."""
    if len(set(experiment.seeds)) != len(experiment.seeds):
        yield ("seeds",), "seeds: each once"
    if experiment.classifier == "kept" and experiment.task != "adaptation":
        yield ("classifier",), f"classifier: kept is of adaptation, not of {experiment.task}"
    before: list[str] = []
    for index, arm in enumerate(experiment.arms):
        at, who = ("arms", index), f"arm {arm.name!r}"
        if arm.name == PRETRAINING:
            yield (*at, "name"), f"{who}: the folder of that name holds the pre-training"
        if arm.name in before:
            yield (*at, "name"), f"{who}: each arm has a name of its own"
        if arm.equal_bits and arm.equal_bits not in before:
            yield (*at, "equal_bits"), f"{who}: no arm {arm.equal_bits!r} stands before it"
        if arm.keep_zeros and not {"US", "RT"} <= set(arm.components):
            yield (*at, "keep_zeros"), f"{who}: keep_zeros takes components US and RT"
        try:
            experiment.form(arm).options()
        except InputError as error:
            yield ((*at, "theta") if arm.theta else ("theta",)), f"{who}: {error}"
        before.append(arm.name)
