"""Learning rates of stochastic weight averaging as the released drivers set them (appendix E)."""

from typing import Annotated, Literal

from pydantic import Field

from archsim.formats.record import Record

Positive = Annotated[float, Field(gt=0)]
MOST_EPOCHS = 1_000_000


class Schedule(Record):
    """How long to train, and how fast.

    Attributes:
        epochs: in all.
        lr: at first.
        swa_start: epochs until networks are averaged; None: no averaging, lr constant.
        swa_lr: while averaging.
        swa_first: the first network averaged is the one after `swa_start` epochs (`at`, as the
            released drivers do: epoch + 1 >= swa_start) or the one an epoch later (`after`).
        swa_small: averaged codes below the smallest power go to the nearer of it and zero, or all
            to zero (released code).
    """

    epochs: Annotated[int, Field(ge=0, le=MOST_EPOCHS)]
    lr: Positive
    swa_start: Annotated[int, Field(ge=1, le=MOST_EPOCHS)] | None = None
    swa_lr: Positive = 2e-3
    swa_first: Literal["at", "after"] = "at"
    swa_small: Literal["nearest", "zero"] = "nearest"

    def rate(self, epoch: int) -> float:
        """Return the learning rate of an epoch, counted from 0.

        Constant up to half of `swa_start`, then linear down to `swa_lr` at nine tenths of it.
        """
        if not self.swa_start:
            return self.lr
        t = epoch / self.swa_start
        if t <= 0.5:
            return self.lr
        if t >= 0.9:
            return self.swa_lr
        return self.lr + (self.swa_lr - self.lr) * (t - 0.5) / 0.4

    def averages(self, epoch: int) -> bool:
        """Return whether the network after this epoch, counted from 0, enters the average."""
        if self.swa_start is None:
            return False
        return epoch + (self.swa_first == "at") >= self.swa_start
