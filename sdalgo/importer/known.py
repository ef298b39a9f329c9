"""Every kind of operator that the importer knows."""

from sdalgo.importer import (
    constants,
    pointwise,
    products,
    quantised,
    recurrent,
    reducing,
    resizing,
    shaping,
    windows,
)
from sdalgo.importer.kinds import Kind

KINDS: dict[str, Kind] = {
    name: kind
    for module in (
        pointwise, shaping, constants, windows, reducing, products, resizing, recurrent, quantised
    )
    for name, kind in module.KINDS.items()
}  # fmt: skip
