"""The sections of a profile as frozen, checked records; docs/reference/profile.md explains every
key."""

from __future__ import annotations

from math import fsum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, model_validator
from pydantic import Field as Field_

LETTERS = "0123456789abcdefghijklmnopqrstuvwxyz"

Share = Annotated[float, Field_(ge=0, le=1)]
Shares = tuple[Share, ...]
Order = Annotated[str, Field_(pattern=r"^[0-9a-z]+$")]
Counts = tuple[Annotated[int, Field_(ge=0, le=2**40)], ...]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Values(_Section):
    """How often each magnitude occurs among the entries that are not zero, in parts of any total.

    Item i of a list counts the magnitudes of bin i of docs/reference/profile.md; trailing zeros are
    left out.
    """

    values: Counts = ()
    negative: Counts = ()


class InputClass(Values):
    """Channels that share one distribution of values."""

    channels: int = Field_(ge=1, le=2**20)
    zero: Share

    @model_validator(mode="after")
    def _has_values(self) -> InputClass:
        if self.zero < 1 and not sum(self.values) + sum(self.negative):
            raise ValueError("a class with zero < 1 needs values or negative")
        return self


class Field(_Section):
    """A Gaussian field: its part of the variance, and how it decays.

    x and y are the correlations of neighbours along a row and down a column.
    """

    share: Share = 0.0
    x: Share = 0.0
    y: Share = 0.0


class SharedField(Field):
    """The field that all channels have in common; levels are quantiles of it over the plane."""

    levels: tuple[float, ...] = Field_(default=(), max_length=65)

    @model_validator(mode="after")
    def _rises(self) -> SharedField:
        if self.levels and (
            list(self.levels) != sorted(self.levels) or self.levels[0] == self.levels[-1]
        ):
            raise ValueError("levels are quantiles: they rise from the first to the last")
        return self


class ScaleField(_Section):
    """A scale that the latents of all channels are multiplied by.

    spread is the standard deviation of its logarithm over the plane; x and y as in a field.
    """

    spread: Annotated[float, Field_(ge=0, le=1)] = 0.0
    x: Share = 0.0
    y: Share = 0.0


class InputProfile(_Section):
    """Activations: classes of channels, and the Gaussian fields that place their values.

    Without a `dtype` they are signed and as wide as the layer's activations.
    """

    dtype: Literal["int8", "uint8", "int16", "uint16"] | None = None
    classes: tuple[InputClass, ...] = Field_(min_length=1, max_length=len(LETTERS))
    order: str | None = Field_(default=None, pattern=r"^[0-9a-z]*$")
    local: tuple[Field, ...] = Field_(default=(), max_length=2)
    shared: SharedField = SharedField()
    scale: ScaleField = ScaleField()

    @model_validator(mode="after")
    def _agrees(self) -> InputProfile:
        if fsum(field.share for field in (*self.local, self.shared)) > 1.0 + 1e-9:
            raise ValueError("the shares of the fields in local and shared add up to more than 1")
        if self.order is not None:
            for letter, members in zip(LETTERS, self.classes, strict=False):
                if self.order.count(letter) != members.channels:
                    raise ValueError(
                        f"order names class {letter!r} {self.order.count(letter)} times, "
                        f"and that class has {members.channels} channels"
                    )
            if len(self.order) != self.channels:
                raise ValueError(
                    f"order has {len(self.order)} letters for {self.channels} channels"
                )
        return self

    @property
    def channels(self) -> int:
        return sum(members.channels for members in self.classes)


class Mask(_Section):
    """Which entries are not zero: a share, and how it spreads over filters, channels and kernels.

    filters and channels are quantiles of the share within one filter or channel, lowest first, at
    even steps of the normal quantile; filter_order and channel_order instead have one letter each,
    letter i of 0 .. 9 a .. z for a share of i/35; a list of channel orders has one a filter. With
    `counted` each filter has its share to the entry, else it is the chance of a coin. taps is the
    share at each place of the kernel; kernel is the part of the Gaussian variance that entries of
    one filter's channel have in common.
    """

    live: Share
    counted: bool = False
    filters: Shares = ()
    channels: Shares = ()
    filter_order: Order | None = None
    channel_order: Order | tuple[Order, ...] | None = None
    taps: Shares = ()
    kernel: Annotated[float, Field_(ge=0, lt=1)] = 0.0

    @model_validator(mode="after")
    def _agrees(self) -> Mask:
        if self.filter_order is not None and (self.filters or not self.counted):
            raise ValueError("filter_order goes with counted: true and without filters")
        if self.channels and self.channel_order is not None:
            raise ValueError("give channels or channel_order, not both")
        if isinstance(self.channel_order, tuple) and not self.counted:
            raise ValueError("a channel_order for each filter goes with counted: true")
        return self


class WeightProfile(Values, Mask):
    """Weights: where they are not zero, and how large they are there."""


class CoefProfile(_Section):
    """Coefficient codes: live rows by groups of filters, non-zeros of a live row, code frequencies.

    `rows` places the live rows of a group of `group` consecutive filters; `filters` holds quantiles
    of the share of those rows that is live in a single filter; item i of `nonzeros` counts live
    rows with i + 1 non-zeros; item i of `positive` and `negative` counts codes of size i + 1.
    `slices` is the number of slices, each with a basis, that the rows of a filter are cut into.
    """

    group: int = Field_(default=1, ge=1, le=2**20)
    rows: Mask
    filters: Shares = ()
    nonzeros: Counts = Field_(min_length=1, max_length=8)
    positive: Counts = ()
    negative: Counts = ()
    slices: int | None = Field_(default=None, ge=1, le=2**31)

    @model_validator(mode="after")
    def _has_codes(self) -> CoefProfile:
        if self.rows.live > 0 and not (
            sum(self.nonzeros) and sum(self.positive) + sum(self.negative)
        ):
            raise ValueError("live rows need nonzeros and positive or negative codes")
        return self


class Densities(_Section):
    """Shares of entries that are not zero, where nothing else is known of a tensor; `weight` is
    that of `weight` and of `pruned`, which are then one tensor.
    """

    input: Share | None = None
    weight: Share | None = None


class Profile(_Section):
    """The statistics of one layer's tensors; a section that is absent describes no tensor."""

    input: InputProfile | None = None
    weight: WeightProfile | None = None
    pruned: WeightProfile | None = None
    coef: CoefProfile | None = None
    density: Densities | None = None

    @model_validator(mode="after")
    def _describes_once(self) -> Profile:
        for what in ("input", "weight", "pruned"):
            if self.density_of(what) is not None and getattr(self, what) is not None:
                share = "input" if what == "input" else "weight"
                raise ValueError(f"give {what} or density.{share}, not both")
        return self

    def density_of(self, what: str) -> float | None:
        """The share of entries that are not zero of a tensor of which nothing else is known."""
        if self.density is None:
            return None
        shares = {"input": self.density.input, "weight": self.density.weight}
        return shares.get("weight" if what == "pruned" else what)

    def describes(self, what: str) -> bool:
        """Whether the tensor can be drawn."""
        return getattr(self, what, None) is not None or self.density_of(what) is not None
