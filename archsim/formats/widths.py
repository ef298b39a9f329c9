"""How many bits an operand takes: 4, 8 or 16, of a machine, of a workload and of its layers."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator

WIDTHS = (4, 8, 16)
DEFAULT_BITS: Final = 8
"""Where a file does not say."""
ACTIVATION_BITS, WEIGHT_BITS = "activation_bits", "weight_bits"
WIDTH_KEYS = (ACTIVATION_BITS, WEIGHT_BITS)


def _whole(bits: object) -> object:
    """Nothing but an integer: 8.0 and true are equal to one, and are none."""
    if type(bits) is not int:
        raise ValueError(f"is one of {', '.join(map(str, WIDTHS))}")
    return bits


Width = Annotated[Literal[4, 8, 16], BeforeValidator(_whole)]


def bounds_of(bits: int, *, signed: bool) -> tuple[int, int]:
    """The least and the largest integer of so many bits."""
    return (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)


def storage_bits(bits: int) -> int:
    """Bits of the narrowest integer type of numpy and safetensors that holds such values."""
    return max(8, bits)


def less_defaults(keys: Mapping[str, Any]) -> dict[str, Any]:
    """The keys of a machine as its results and its hash have them: a width of 8 bits is not said,
    nor that weights stay under a batch, for files of an earlier archsim do not say it either."""
    return {key: value for key, value in keys.items() if (key, value) not in _UNSAID}


def with_defaults(keys: Mapping[str, Any]) -> dict[str, Any]:
    """The inverse of `less_defaults`."""
    return {**dict(_UNSAID), **keys}


_UNSAID = (*((key, DEFAULT_BITS) for key in WIDTH_KEYS), ("batch_order", "weights"))
