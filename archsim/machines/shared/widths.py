"""Bytes of operands at the width in which a machine stores them, and which widths it takes."""

from collections.abc import Sequence

from archsim.arch.arch import Arch
from archsim.formats.errors import InputError, Problem
from archsim.formats.widths import DEFAULT_BITS, WIDTH_KEYS
from archsim.machines.shared.geometry import Whole, ceil_div
from archsim.workload.layer import Layer
from archsim.workload.workload import Workload


def packed_bytes(elements: Whole, bits: int, parts: int = 1) -> Whole:
    """Whole bytes of pieces of so many elements: they lie bit to bit, and each piece ends with a
    byte. Of several `parts` alike together, the mean."""
    return ceil_div(elements * bits, 8 * parts)


def activation_bytes(elements: Whole, arch: Arch) -> Whole:
    """Bytes of pieces of so many activations: a sample's, or what a tile reads of them."""
    return packed_bytes(elements, arch.activation_bits)


def weight_bytes(elements: Whole, arch: Arch) -> Whole:
    """Bytes of pieces of so many weights: those of a group of filters, or of a tile."""
    return packed_bytes(elements, arch.weight_bits)


def read_bytes(layer: Layer, arch: Arch) -> int:
    """Bytes of a sample's inputs in the rows that some window sees."""
    return activation_bytes(layer.read_elements, arch)


def widths_of(machine: object) -> Sequence[int]:
    """The bits of operands that a rule takes: 8 alone where it does not say."""
    legal: Sequence[int] = getattr(machine, "WIDTHS", (DEFAULT_BITS,))
    return legal


def check_widths(arch: Arch, legal: Sequence[int], workload: Workload) -> None:
    """InputError where the machine's rule does not know its widths, or a layer has wider values
    than the machine stores."""
    for key in WIDTH_KEYS:
        if getattr(arch, key) not in legal:
            known = " and ".join(map(str, legal))
            message = f"machine {arch.machine!r} takes {key} of {known} alone"
            raise InputError.at(arch.place(key), message)
    problems = []
    for key in WIDTH_KEYS:
        wide = [each for each in workload.layers if getattr(each, key) > getattr(arch, key)]
        if wide:
            others = f" (and {len(wide) - 1} more)" if len(wide) > 1 else ""
            message = (
                f"layer {wide[0].name!r}{others} has {key} {getattr(wide[0], key)}, and the "
                f"machine {arch.name} stores {getattr(arch, key)}; set {key} of the machine, or "
                "take one that is wider"
            )
            problems.append(Problem(workload.place(wide[0]), message))
    if problems:
        raise InputError(problems)


def width_notes(arch: Arch) -> tuple[str, ...]:
    """What a result says of operands that are not of 8 bits."""
    widths = [getattr(arch, key) for key in WIDTH_KEYS]
    if all(bits == DEFAULT_BITS for bits in widths):
        return ()
    return (f"{arch.name}: activations of {widths[0]} bits, weights of {widths[1]}",)
