"""One-pass methods, each at several settings, and how what they make is counted.

A method that codes the same values in two ways makes two rows of one network.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, Protocol

from sdalgo.activations.network import Priced, decompose_in_order, decompose_weights
from sdalgo.decompose import decompose
from sdalgo.decomposition import Decomposition
from sdalgo.options import CALIBRATED, ActivationOptions, preset
from sdalgo.pow2 import Float32
from sdalgo.rivals.blocks import pruned_blocks
from sdalgo.rivals.given import Given, priced
from sdalgo.rivals.gptq import gptq
from sdalgo.rivals.gptq_sequential import Form, gptq_sequential
from sdalgo.rivals.powers import powers
from sdalgo.rivals.shared_values import shared_values
from sdalgo.rivals.uniform import uniform

FLOAT_BITS = 32


class Made(Protocol):
    """What a method makes of one weight."""

    def rebuild(self) -> Float32:
        """Return the weight that it stands for."""
        ...


Layers = Mapping[str, Made]
Bits = Callable[[Any], int]


@dataclass(frozen=True, kw_only=True)
class Point:
    """A method at a setting.

    Attributes:
        method: its name on the command line.
        setting: what is chosen, in words.
        chosen: the same as plain values, from which a row's key is made.
        rows: the bits of a layer by the name of the row that counts so.
        make: from what is given to layers by name.
        needs: what of `Given` is computed before the time of the row begins.
    """

    method: str
    setting: str
    chosen: Mapping[str, Any]
    rows: Mapping[str, Bits]
    make: Callable[[Given], Layers]
    needs: str | None = None


@dataclass(frozen=True, kw_only=True)
class _Whole:
    """A weight as it was."""

    weight: Float32

    def rebuild(self) -> Float32:
        return self.weight

    def bits(self) -> int:
        return FLOAT_BITS * self.weight.size


def original() -> Iterator[Point]:
    """The network itself."""

    def make(given: Given) -> Layers:
        return {name: _Whole(weight=weight) for name, weight in given.weights.items()}

    yield Point(method="original", setting="float32", chosen={},
                rows={"original": _Whole.bits}, make=make)  # fmt: skip


def _each(make: Callable[[Float32], Made]) -> Callable[[Given], Layers]:
    """A method that looks at one weight after the other."""
    return lambda given: {name: make(weight) for name, weight in given.weights.items()}


def _huffman(made: Any) -> int:
    return int(made.huffman_bits())


def _fixed(made: Any) -> int:
    return int(made.fixed_bits())


def uniform_grids() -> Iterator[Point]:
    """Uniform grids of 2 to 8 bits, clipped where the squared error is least."""
    for bits in range(2, 9):
        levels = 2**bits - 1
        yield Point(
            method="uniform", setting=f"{bits} bits", chosen={"levels": levels},
            rows={"uniform": _fixed, "uniform + Huffman": _huffman},
            make=_each(partial(uniform, levels=levels)),
        )  # fmt: skip


def power_grids() -> Iterator[Point]:
    """Powers of two as in INQ, 2 to 5 bits; more bits add smaller powers that change nothing."""
    for bits in range(2, 6):
        yield Point(
            method="powers", setting=f"{bits} bits", chosen={"bits": bits},
            rows={"powers of two": _fixed, "powers of two + Huffman": _huffman},
            make=_each(partial(powers, bits=bits)),
        )  # fmt: skip


def codebooks() -> Iterator[Point]:
    """Codebooks of 8 to 256 values a layer, as in Deep Compression without pruning."""
    for count in (8, 16, 64, 256):
        yield Point(
            method="kmeans", setting=f"{count} values", chosen={"count": count},
            rows={"k-means + Huffman": _huffman},
            make=_each(partial(shared_values, count=count)),
        )  # fmt: skip


def pruned() -> Iterator[Point]:
    """Blocks pruned, 8 bits and Huffman codes for the rest, like Cambricon-S."""
    for density in (0.95, 0.8, 0.5):
        yield Point(
            method="pruning", setting=f"{density:.0%} of blocks".replace("%", " %"),
            chosen={"density": density}, rows={"pruning + 8 bits + Huffman": _huffman},
            make=_each(partial(pruned_blocks, density=density)),
        )  # fmt: skip


def gptq_grids() -> Iterator[Point]:
    """GPTQ in one pass on uniform grids."""
    for levels in (7, 11, 15, 23, 31, 63):

        def make(given: Given, levels: int = levels) -> Layers:
            return {n: gptq(w, given.moments[n], levels) for n, w in given.weights.items()}

        yield Point(method="gptq", setting=f"{levels} levels", chosen={"levels": levels},
                    rows={"GPTQ + Huffman": _huffman}, make=make, needs="moments")  # fmt: skip


def sequential_gptq() -> Iterator[Point]:
    """GPTQ layer after layer, on what the quantised layers before give."""
    for levels in (7, 15):

        def make(given: Given, levels: int = levels) -> Layers:
            known = {name: given.moments[name] for name in given.weights}
            return gptq_sequential(given.model, given.images, levels, known)

        yield Point(
            method="gptq_sequential", setting=f"{levels} levels",
            chosen={"levels": levels, **asdict(Form())},
            rows={"sequential GPTQ + Huffman": _huffman}, make=make, needs="moments",
        )  # fmt: skip


PRESET_SETTINGS: dict[str, tuple[dict[str, Any], ...]] = {
    "as_released": ({"theta": 4e-3},),
    "as_released_double": ({"theta": 1e-3}, {"theta": 4e-3}),
    "as_paper": ({"theta": 4e-3},),
    "best": ({"bit_price": 3e-3},),
}
"""Of presets that look at weights alone; the options that are changed."""
SEQUENTIAL_PRICES = (2.2e-8, 8e-8)
PRICES = (1.5e-8, 2.2e-8, 3.5e-8, 8e-8, 1.5e-7)
"""Of a bit, for the preset `activations`: one price is one division of bits over the layers."""


def decomposed(name: str) -> Iterator[Point]:
    """A preset of SmartDeal on every kernel, whatever its size."""
    for changes in PRESET_SETTINGS[name]:
        options = preset(name, largest_kernel=None, **changes)
        words = ", ".join(f"{key.replace('_', ' ')} {value:g}" for key, value in changes.items())
        yield Point(
            method=name, setting=words, chosen=vars(options), rows={_titled(name): _decomposed},
            make=_each(partial(decompose, options=options)),
        )  # fmt: skip


def calibrated() -> Iterator[Point]:
    """The preset `activations` at several prices of a bit."""
    options = priced()
    for price in PRICES:

        def make(given: Given, price: float = price) -> Layers:
            return decompose_weights(given.weights, given.calibrated, Priced(options, price))

        yield _at_price(CALIBRATED, options, price, make)


def calibrated_in_order() -> Iterator[Point]:
    """The preset `activations` layer after layer, on what the layers before it have become."""
    options = priced(sequential=True)
    for price in SEQUENTIAL_PRICES:

        def make(given: Given, price: float = price) -> Layers:
            asked = Priced(options, price)
            return decompose_in_order(given.model, given.images, given.calibrated, asked)

        yield _at_price(f"{CALIBRATED}_sequential", options, price, make)


def _at_price(
    method: str, options: ActivationOptions, price: float, make: Callable[[Given], Layers]
) -> Point:
    return Point(
        method=method, setting=f"price {price:.1e}", chosen={**vars(options), "price": price},
        rows={_titled(method.replace("_", " ")): _decomposed}, make=make, needs="calibrated",
    )  # fmt: skip


def _titled(name: str) -> str:
    return f"SmartDeal {name}"


def _decomposed(layer: Decomposition) -> int:
    return layer.bits("row")


METHODS: dict[str, Callable[[], Iterator[Point]]] = {
    "original": original,
    "uniform": uniform_grids,
    "powers": power_grids,
    "kmeans": codebooks,
    "pruning": pruned,
    "gptq": gptq_grids,
    "gptq_sequential": sequential_gptq,
    **{name: partial(decomposed, name) for name in PRESET_SETTINGS},
    CALIBRATED: calibrated,
    f"{CALIBRATED}_sequential": calibrated_in_order,
}
"""By their names on the command line, in the order of the table."""


def points() -> list[Point]:
    """Return every method at every setting, in order."""
    return [point for method in METHODS.values() for point in method()]
