"""The keys of a workload file as frozen pydantic records: types, bounds and defaults.

What one key says alone is checked here; what it says about other layers is checked in
`archsim.workload.layer_graph`. What they mean is docs/reference/formats.md, and the published JSON
Schema is made from these classes.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from archsim.formats.profile_models import Profile
from archsim.formats.record import MAX_SEED, Record
from archsim.formats.widths import DEFAULT_BITS, Width

FORMAT = "archsim-workload/1"
MAX_LAYERS = 16_384
MAX_BATCH = 65_536

Size = Annotated[int, Field(ge=1, le=65_536)]
Margin = Annotated[int, Field(ge=0, le=4096)]
Channels = Annotated[int, Field(ge=1, le=2**20)]
Seed = Annotated[int, Field(ge=0, le=MAX_SEED)]
Pair = Annotated[tuple[Size, Size], Field(strict=False)]


def _two_or_four(padding: tuple[int, ...]) -> tuple[int, ...]:
    if len(padding) not in {2, 4}:
        raise ValueError(f"is [height, width] or [top, left, bottom, right], not {list(padding)}")
    return padding


Padding = Annotated[tuple[Margin, ...], Field(strict=False), AfterValidator(_two_or_four)]
LayerName = Annotated[
    str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")
]
Names = Annotated[tuple[LayerName, ...], Field(strict=False)]
FileName = Annotated[str, StringConstraints(max_length=100, pattern=r"^[A-Za-z0-9][\w. +-]*$")]
"""A name that also names files and folders of results."""


class _Layer(Record):
    name: LayerName
    seed: Seed = 0
    activation_bits: Width | None = None


class _OneInput(_Layer):
    inputs: Annotated[tuple[LayerName, ...], Field(strict=False, max_length=1)]


class Conv(_OneInput):
    """A convolution; pointwise and depthwise ones are convolutions too."""

    op: Literal["conv"]
    in_channels: Channels
    out_channels: Channels
    in_size: Pair
    kernel: Pair
    stride: Pair = (1, 1)
    padding: Padding = (0, 0)
    dilation: Pair = (1, 1)
    groups: Channels = 1
    weight_bits: Width | None = None
    profile: Profile | None = None


class Linear(_OneInput):
    """A matrix times a vector, or times T vectors that share it."""

    op: Literal["linear"]
    in_channels: Channels
    out_channels: Channels
    positions: Channels = 1
    weight_bits: Width | None = None
    profile: Profile | None = None


class _Derived(_Layer):
    """Channels and size follow from the inputs; where they are given they are checked."""

    in_channels: Channels | None = None
    out_channels: Channels | None = None
    in_size: Pair | None = None


class Pool(_OneInput, _Derived):
    """The largest or the mean of a window, or of the whole plane."""

    op: Literal["pool"]
    kind: Literal["max", "avg"]
    kernel: Pair | None = None
    stride: Pair = (1, 1)
    padding: Padding = (0, 0)
    whole: Annotated[bool, Field(alias="global")] = False

    @model_validator(mode="after")
    def _one_window(self) -> Pool:
        if self.whole and self.model_fields_set & {"kernel", "stride", "padding"}:
            raise ValueError("a global pool has no kernel, stride or padding")
        if not self.whole and self.kernel is None:
            raise ValueError("a pool needs `kernel`, or `global: true`")
        return self


class Resize(_OneInput, _Derived):
    """Another size of the same channels, by interpolation."""

    op: Literal["resize"]
    out_size: Pair


class Combine(_Derived):
    """Two or more inputs, element by element or channel after channel."""

    op: Literal["add", "mul", "concat"]
    inputs: Annotated[tuple[LayerName, ...], Field(strict=False, min_length=2, max_length=1024)]


class Source(BaseModel):
    """Where a workload comes from: `made_by` and whatever else is worth telling."""

    model_config = ConfigDict(frozen=True, extra="allow", strict=True)

    made_by: Annotated[str, StringConstraints(min_length=1)]
    weights: str | None = None
    activations: str | None = None


class Header(Record):
    """The workload file without its layers."""

    format: Literal["archsim-workload/1"]
    name: FileName
    task: Literal["inference", "training"] = "inference"
    batch: Annotated[int, Field(ge=1, le=MAX_BATCH)] = 1
    activation_bits: Width = DEFAULT_BITS
    weight_bits: Width = DEFAULT_BITS
    source: Source
    tensors: Annotated[
        str | None, StringConstraints(min_length=1, max_length=500, pattern=r"^[^/\\].*$")
    ] = None
    layers: list[Any] = Field(min_length=1, max_length=MAX_LAYERS)


LayerRecord: TypeAlias = Conv | Linear | Pool | Resize | Combine
RECORDS: dict[str, type[LayerRecord]] = {
    "conv": Conv, "linear": Linear, "pool": Pool, "add": Combine, "mul": Combine, "concat": Combine,
    "resize": Resize,
}  # fmt: skip


class WorkloadFile(Header):
    """The whole file, for its JSON Schema."""

    layers: Annotated[
        list[Annotated[LayerRecord, Field(discriminator="op")]],
        Field(min_length=1, max_length=MAX_LAYERS),
    ]
