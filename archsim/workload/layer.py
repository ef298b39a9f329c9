"""One layer of a network, fully resolved: every default filled in, every shape known.

Sizes are ``(height, width)`` pairs and counts are elements of one sample; `batch` multiplies work
elsewhere. The letters are those of docs/reference/formats.md.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from math import prod
from typing import Literal

from archsim.formats.profile_models import Profile
from archsim.formats.widths import DEFAULT_BITS
from archsim.workload.convolution import Geometry, Pair
from archsim.workload.rows import rows_read

Op = Literal[
    "conv", "linear", "matmul", "pool", "add", "mul", "concat", "resize", "softmax", "layernorm",
    "rmsnorm", "gelu", "silu", "hardswish", "elementwise", "reshape", "transpose", "slice",
    "embedding",
]  # fmt: skip
Kind = Literal["spatial", "pointwise", "depthwise", "linear", "product", "post"]
ROW_OPS = ("softmax", "layernorm", "rmsnorm")
"""Operations that need a whole row before their first result."""

TRIPLE = 3
"""Input channels that share one coefficient row of a 1x1 or linear layer (paper III-B)."""


@dataclass(frozen=True, kw_only=True)
class Layer:
    """One layer as every machine reads it; `load_workload` makes them and has checked them.

    `kernel` of a global pool is its whole plane. `operands` holds the elements that each entry of
    `inputs` brings, in that order, so a broadcast `mul` operand counts its own size; it is empty
    when the layer is fed from outside. `positions` is T: linear layers share their weights over T
    steps, and add, mul and concat of such outputs keep them; it is 1 everywhere else.
    `activation_bits` and `weight_bits` are how wide its inputs and weights are; a machine stores
    them at its own widths. `views` says which part of each entry of `inputs` is read, by the name
    of a slice or cache, empty where it is all of it.

    A `matmul` has `groups` second operands of (inner, columns), each for `heads / groups` of its
    heads, whose rows stand side by side: it is laid out as a grouped 1x1 convolution of a plane of
    1 x (rows * heads / groups), with groups * inner input channels and groups * columns output
    channels. `causal`: its first operand is zero above the diagonal. `row` is how many values a
    normalisation takes together. `kept` is how many outputs of a transposed convolution's are left
    once it is cropped.
    """

    name: str
    op: Op
    inputs: tuple[str, ...]
    in_channels: int
    out_channels: int
    in_size: Pair = (1, 1)
    out_size: Pair = (1, 1)
    kernel: Pair = (1, 1)
    stride: Pair = (1, 1)
    padding: tuple[int, int, int, int] = (0, 0, 0, 0)
    """Rows and columns of zeros: top, left, bottom, right."""
    dilation: Pair = (1, 1)
    groups: int = 1
    positions: int = 1
    activation_bits: int = DEFAULT_BITS
    weight_bits: int = DEFAULT_BITS
    seed: int = 0
    profile: Profile | None = None
    operands: tuple[int, ...] = ()
    views: tuple[str, ...] = ()
    heads: int = 1
    causal: bool = False
    row: int = 1
    kept: int | None = None

    @cached_property
    def shape(self) -> "Layer":
        """The layer less its place in the network and what its values are: equal for
        layers that no machine of dense operands can tell apart."""
        return replace(
            self, name="", inputs=(), views=(), seed=0, profile=None,
            activation_bits=DEFAULT_BITS, weight_bits=DEFAULT_BITS,
        )  # fmt: skip

    @property
    def is_array(self) -> bool:
        """Whether the layer multiplies on the compute array: conv, linear or matmul."""
        return self.op in {"conv", "linear", "matmul"}

    @property
    def is_post(self) -> bool:
        """Whether the layer runs on the post-processor: all that is not of the array."""
        return not self.is_array

    @property
    def is_depthwise(self) -> bool:
        """One filter per channel, whatever the kernel."""
        return self.op == "conv" and self.groups == self.in_channels == self.out_channels > 1

    @cached_property
    def kind(self) -> Kind:
        """How an array lays the layer out; a grouped convolution is `spatial` with `groups` > 1."""
        if self.is_post:
            return "post"
        if self.op == "linear":
            return "linear"
        if self.op == "matmul":
            return "product"
        if self.is_depthwise:
            return "depthwise"
        if self.kernel != (1, 1) or self.groups != 1:
            return "spatial"
        # A 1x1 convolution of a 1x1 plane (squeeze-excite, classifiers) is a matrix times a vector.
        return "linear" if self.in_size == self.out_size == (1, 1) else "pointwise"

    @cached_property
    def geometry(self) -> Geometry:
        """How the kernel slides over the plane."""
        return Geometry(
            kernel=self.kernel, stride=self.stride, padding=self.padding, dilation=self.dilation,
            groups=self.groups,
        )  # fmt: skip

    @property
    def group_channels(self) -> int:
        """Input channels that one filter sees: C / groups."""
        return self.in_channels // self.groups

    @property
    def macs(self) -> int:
        """Multiplications of one sample, padding included; 0 for layers off the array."""
        if self.is_post:
            return 0
        return self.weight_elements * prod(self.out_size) * self.positions

    @property
    def input_elements(self) -> int:
        """Elements read from all operands together, unpadded."""
        if self.operands:
            return sum(self.operands)
        return self.in_channels * prod(self.in_size) * self.positions

    @property
    def read_elements(self) -> int:
        """Elements that have to be read of all operands together: of a convolution or a pool, those
        of the rows that a window sees.
        """
        if self.op not in {"conv", "pool"}:
            return self.input_elements
        rows = int(rows_read(self.geometry, self.in_size).sum())
        return self.in_channels * rows * self.in_size[1]

    @property
    def output_elements(self) -> int:
        """Elements written: K * P * Q * T."""
        return self.out_channels * prod(self.out_size) * self.positions

    @property
    def result_elements(self) -> int:
        """Outputs that are written: all, unless some are cropped."""
        return self.output_elements if self.kept is None else self.kept

    @property
    def weight_elements(self) -> int:
        """Weights of the original network, nothing pruned, or elements of a matmul's second
        operand; 0 for layers off the array."""
        return prod(self.weight_shape()) if self.is_array else 0

    @property
    def window(self) -> int:
        """Inputs that make one output: the kernel's area for pools, else 1."""
        return prod(self.kernel) if self.op == "pool" else 1

    def input_shape(self) -> tuple[int, ...]:
        """Shape of one sample of `input`: (C, H, W); linear (C,), or (T, C) where T > 1; matmul
        (heads, rows, inner)."""
        if self.op == "matmul":
            return (self.heads, self.in_size[1] * self.groups // self.heads, self.group_channels)
        if self.op != "linear":
            return (self.in_channels, *self.in_size)
        return (self.in_channels,) if self.positions == 1 else (self.positions, self.in_channels)

    def output_shape(self) -> tuple[int, ...]:
        """Shape of the output of one sample, in the layout of `input_shape`."""
        if self.op != "linear":
            return (self.out_channels, *self.out_size)
        return (self.out_channels,) if self.positions == 1 else (self.positions, self.out_channels)

    def weight_shape(self) -> tuple[int, ...]:
        """Shape of `weight` and `pruned`: (K, C/groups, R, S); linear (K, C); of a matmul's second
        operand, transposed, (key-value heads, columns, inner)."""
        if self.op == "matmul":
            return (self.groups, self.out_channels // self.groups, self.group_channels)
        if self.op == "linear":
            return (self.out_channels, self.in_channels)
        return (self.out_channels, self.group_channels, *self.kernel)

    def coef_shape(self) -> tuple[int, ...]:
        """Shape of `coef` at the default r; its last axis, r, may differ.

        (K, C/groups, R, S) for every kernel but 1x1; (K, ceil((C/groups)/3), 3) for 1x1 and linear
        layers.
        """
        if self.kernel != (1, 1):
            return self.weight_shape()
        return (self.out_channels, -(-self.group_channels // TRIPLE), TRIPLE)

    @property
    def basis_columns(self) -> int:
        """n, the width of the basis: the kernel's, or 3 for 1x1 and linear layers."""
        return TRIPLE if self.kernel == (1, 1) else self.kernel[1]
