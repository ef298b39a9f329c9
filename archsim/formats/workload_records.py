"""The keys of a workload file as frozen pydantic records: types, bounds and defaults.

What one key says alone is checked here; what it says about other layers is checked in
`archsim.workload.layer_graph`. What they mean is docs/reference/formats.md, and the published JSON
Schema is made from these classes.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias, get_args

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
Stretch = Annotated[
    tuple[Annotated[int, Field(ge=0, le=2**20)], Annotated[int, Field(ge=1, le=2**20)]],
    Field(strict=False),
]
Axis = Literal["channels", "rows", "columns"]
AXES: tuple[Axis, ...] = ("channels", "rows", "columns")


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


class _Window(_OneInput):
    op: Literal["conv", "deconv"]
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


class Conv(_Window):
    """A convolution; pointwise and depthwise ones are convolutions too."""

    op: Literal["conv"]


class Deconv(_Window):
    """A transposed convolution: its padding crops the output, `output_padding` adds to its end."""

    op: Literal["deconv"]
    output_padding: Annotated[tuple[Margin, Margin], Field(strict=False)] = (0, 0)


class Linear(_OneInput):
    """A matrix times a vector, times T vectors that follow each other, or times T tokens."""

    op: Literal["linear"]
    in_channels: Channels
    out_channels: Channels
    positions: Channels = 1
    tokens: Size | None = None
    weight_bits: Width | None = None
    profile: Profile | None = None

    @model_validator(mode="after")
    def _steps_or_tokens(self) -> Linear:
        if self.tokens is not None and "positions" in self.model_fields_set:
            raise ValueError("`tokens` are there together and `positions` one by one: give one")
        return self


class Matmul(_Layer):
    """A product of two operands that layers make, head by head."""

    op: Literal["matmul"]
    inputs: Annotated[tuple[LayerName, ...], Field(strict=False, max_length=2)]
    heads: Channels = 1
    kv_heads: Channels | None = None
    rows: Size
    inner: Channels
    columns: Channels
    causal: bool = False
    profile: Profile | None = None

    @model_validator(mode="after")
    def _two_operands(self) -> Matmul:
        if len(self.inputs) == 1:
            raise ValueError("a product has two operands, or none where both come from outside")
        return self

    @model_validator(mode="after")
    def _shared_heads(self) -> Matmul:
        if self.heads % (self.kv_heads or self.heads):
            raise ValueError(f"{self.kv_heads} kv_heads do not divide {self.heads} heads")
        return self


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
    """Two or more inputs, element by element."""

    op: Literal["add", "mul"]
    inputs: Annotated[tuple[LayerName, ...], Field(strict=False, min_length=2, max_length=1024)]


class Concat(_Derived):
    """Two or more inputs, one after the other along an axis."""

    op: Literal["concat"]
    inputs: Annotated[tuple[LayerName, ...], Field(strict=False, min_length=2, max_length=1024)]
    axis: Axis = "channels"


class Normalise(_OneInput, _Derived):
    """A function of all values of a row, which is whole before the first result."""

    op: Literal["softmax", "layernorm", "rmsnorm"]
    row: Channels | None = None


class Activate(_OneInput, _Derived):
    """A function of each value."""

    op: Literal["gelu", "silu", "hardswish"]


class Elementwise(_Derived):
    """Arithmetic of one or more operands that has no name of its own here."""

    op: Literal["elementwise"]
    inputs: Annotated[tuple[LayerName, ...], Field(strict=False, max_length=1024)]
    function: Annotated[str, StringConstraints(min_length=1, max_length=100)]


class _View(_OneInput):
    """Values of another layer, read differently; `copy` moves them."""

    inputs: Annotated[tuple[LayerName, ...], Field(strict=False, min_length=1, max_length=1)]
    copied: Annotated[bool, Field(alias="copy")] = False


class Reshape(_View):
    """The same values under another shape, in the same order or another."""

    op: Literal["reshape", "transpose"]
    out_channels: Channels
    out_size: Pair


class Slice(_View):
    """A stretch of the values along one axis, [start, stop]."""

    op: Literal["slice"]
    channels: Stretch | None = None
    rows: Stretch | None = None
    columns: Stretch | None = None

    @model_validator(mode="after")
    def _one_axis(self) -> Slice:
        given = [key for key in AXES if getattr(self, key) is not None]
        if len(given) != 1:
            raise ValueError("a slice is of one of `channels`, `rows` and `columns`")
        start, stop = getattr(self, given[0])
        if start >= stop:
            raise ValueError(f"`{given[0]}: [{start}, {stop}]` is empty")
        return self


class Cache(_OneInput):
    """Keys or values of earlier tokens in DRAM, and those that `inputs` appends."""

    op: Literal["cache"]
    inputs: Annotated[tuple[LayerName, ...], Field(strict=False, min_length=1, max_length=1)]
    length: Size


class Embedding(_OneInput):
    """Rows of a table in DRAM, one per token."""

    op: Literal["embedding"]
    inputs: Annotated[tuple[LayerName, ...], Field(strict=False, max_length=0)] = ()
    rows: Annotated[int, Field(ge=1, le=2**31)]
    out_channels: Channels
    tokens: Size


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


LayerRecord: TypeAlias = (
    Conv | Deconv | Linear | Matmul | Pool | Resize | Combine | Concat | Normalise | Activate
    | Elementwise | Reshape | Slice | Cache | Embedding
)  # fmt: skip
_KINDS: tuple[type[LayerRecord], ...] = get_args(LayerRecord)
RECORDS: dict[str, type[LayerRecord]] = {
    op: kind for kind in _KINDS for op in get_args(kind.model_fields["op"].annotation)
}


class WorkloadFile(Header):
    """The whole file, for its JSON Schema."""

    layers: Annotated[
        list[Annotated[LayerRecord, Field(discriminator="op")]],
        Field(min_length=1, max_length=MAX_LAYERS),
    ]
