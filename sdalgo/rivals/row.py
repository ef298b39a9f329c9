"""One way to make a network small, its size and what is left of what it can do."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Row:
    """A method at a setting, on one network.

    Attributes:
        method: its name: "GPTQ + Huffman".
        setting: what was chosen: "15 levels".
        weights: of the layers that methods compress, as the network had them.
        layer_bits: what those layers take, everything counted: scales, bases, tables, masks.
        other_bits: everything else that the network needs: norms, biases, layers left alone.
        metric: accuracy, agreement or cosine.
        score: of that metric, 0..1.
        interval: its 95 % interval.
        refreshed: the score after batch-norm statistics are taken anew on calibration images.
        cosine: of the outputs with the original's; None where it was not asked for.
        epochs: of training after or while compressing, 0 for one-pass methods.
        seconds: of the processor.
    """

    method: str
    setting: str
    weights: int
    layer_bits: int
    other_bits: int
    metric: str
    score: float
    interval: tuple[float, float]
    refreshed: float | None = None
    cosine: float | None = None
    epochs: int = 0
    seconds: float

    @property
    def bits_per_weight(self) -> float:
        return self.layer_bits / self.weights

    @property
    def megabytes(self) -> float:
        """Of the whole network, 10^6 bytes."""
        return (self.layer_bits + self.other_bits) / 8e6

    def to_json(self) -> dict[str, Any]:
        """Return the fields and the ratios, for a file of results."""
        ratios = {"bits_per_weight": self.bits_per_weight, "megabytes": self.megabytes}
        return {**asdict(self), **ratios}
