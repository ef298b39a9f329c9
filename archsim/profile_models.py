"""The sections of a profile as frozen, checked records; docs/profile.md explains every key."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

LETTERS = "0123456789abcdefghijklmnopqrstuvwxyz"

Share = Annotated[float, Field(ge=0, le=1)]
Shares = tuple[Share, ...]
Counts = tuple[Annotated[int, Field(ge=0)], ...]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Values(_Section):
    """How often each magnitude occurs among the entries that are not zero, in parts of any total.

    Item i of a list counts the magnitudes of bin i of docs/profile.md; trailing zeros are left out.
    """

    values: Counts = ()
    negative: Counts = ()


class InputClass(Values):
    """Channels that share one distribution of values."""

    channels: int = Field(ge=1)
    zero: Share

    @model_validator(mode="after")
    def _has_values(self) -> InputClass:
        if self.zero < 1 and not sum(self.values) + sum(self.negative):
            raise ValueError("a class with zero < 1 needs values or negative")
        return self


class Ranges(_Section):
    """How a Gaussian field falls off: correlation of neighbours along a row (x) and down a column (y)."""

    share: Share = 0.0
    x: Share = 0.0
    y: Share = 0.0


class InputProfile(_Section):
    """Activations: classes of channels, and the Gaussian fields that place their values."""

    dtype: Literal["int8", "uint8"] = "int8"
    classes: tuple[InputClass, ...] = Field(min_length=1, max_length=len(LETTERS))
    order: str | None = Field(default=None, pattern=r"^[0-9a-z]*$")
    offset: Share = 0.0
    local: Ranges = Ranges()
    shared: Ranges = Ranges()

    @model_validator(mode="after")
    def _agrees(self) -> InputProfile:
        if self.offset + self.local.share + self.shared.share > 1.0 + 1e-9:
            raise ValueError("offset + local.share + shared.share is more than 1")
        if self.order is not None:
            for letter, members in zip(LETTERS, self.classes, strict=False):
                if self.order.count(letter) != members.channels:
                    raise ValueError(
                        f"order names class {letter!r} {self.order.count(letter)} times, "
                        f"and that class has {members.channels} channels"
                    )
            if len(self.order) != self.channels:
                raise ValueError(f"order has {len(self.order)} letters for {self.channels} channels")
        return self

    @property
    def channels(self) -> int:
        return sum(members.channels for members in self.classes)


class Mask(_Section):
    """Which entries are not zero: a share, and how it spreads over filters, channels and kernels.

    filters and channels are quantiles (lowest first, evenly spaced from the first to the last) of the
    share within one filter or channel; taps is the share at each place of the kernel; kernel is the part
    of the Gaussian variance that entries of one filter's channel have in common.
    """

    live: Share
    filters: Shares = ()
    channels: Shares = ()
    taps: Shares = ()
    kernel: Share = 0.0


class WeightProfile(Values, Mask):
    """8-bit weights: where they are not zero, and how large they are there."""


class CoefProfile(_Section):
    """Coefficient codes: live rows by groups of filters, non-zeros of a live row, code frequencies.

    `rows` places the live rows of a group of `group` consecutive filters; `filters` holds quantiles of the
    share of those rows that is live in a single filter; item i of `nonzeros` counts live rows with i + 1
    non-zeros; item i of `positive` and `negative` counts codes of size i + 1.
    """

    group: int = Field(default=1, ge=1)
    rows: Mask
    filters: Shares = ()
    nonzeros: Counts = Field(min_length=1, max_length=8)
    positive: Counts = ()
    negative: Counts = ()

    @model_validator(mode="after")
    def _has_codes(self) -> CoefProfile:
        if self.rows.live > 0 and not (sum(self.nonzeros) and sum(self.positive) + sum(self.negative)):
            raise ValueError("live rows need nonzeros and positive or negative codes")
        return self


class Profile(_Section):
    """The statistics of one layer's tensors; a section that is absent describes no tensor."""

    input: InputProfile | None = None
    weight: WeightProfile | None = None
    pruned: WeightProfile | None = None
    coef: CoefProfile | None = None
