"""What each layer of a network loses: rows of its coefficients, and weights of its `pruned` form.

Every convolution and linear layer alike, the first and the last included: which one of an imported
graph is the classifier nothing says, and no guess is better than the user's word (`dense`).
"""

from dataclasses import dataclass
from fnmatch import fnmatchcase

from archsim.formats.errors import InputError, Problem
from archsim.formats.source import unknown
from sdalgo.ratios import ratio_of


@dataclass(frozen=True, kw_only=True)
class Pruning:
    """Shares to drop, 0..1, by layer name (`sdalgo.ratios`).

    Attributes:
        rows: of the coefficient rows.
        weights: of the weights in the `pruned` form, which every layer then has; None: layers that
            are decomposed keep `density` of theirs, and others have no such form.
        dense: patterns of names of layers that lose nothing, as `fnmatch` reads them.
        place: where these patterns stand, for messages.
    """

    rows: dict[str, float]
    weights: dict[str, float] | None = None
    density: float = 1.0
    dense: tuple[str, ...] = ()
    place: str = "--dense"

    def rows_dropped(self, layer: str) -> float:
        """Return the share of a layer's coefficient rows that goes."""
        return 0.0 if self.is_dense(layer) else ratio_of(self.rows, layer)

    def weights_kept(self, layer: str) -> float:
        """Return the share of a layer's weights that its `pruned` form keeps."""
        if self.is_dense(layer):
            return 1.0
        return self.density if self.weights is None else 1 - ratio_of(self.weights, layer)

    def is_dense(self, layer: str) -> bool:
        """Return whether a pattern leaves a layer whole."""
        return any(fnmatchcase(layer, pattern) for pattern in self.dense)

    def check(self, layers: list[str]) -> None:
        """Raise an InputError that names every pattern of `dense` that matches none of `layers`."""
        wrong = [
            Problem(f"{self.place} {pattern!r}", unknown("layer with weights", pattern, layers))
            for pattern in self.dense
            if not any(fnmatchcase(layer, pattern) for layer in layers)
        ]
        if wrong:
            raise InputError(wrong)
