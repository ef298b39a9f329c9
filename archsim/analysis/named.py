"""What a user named, before anything of it is loaded."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Named:
    """Workloads and machines, and what is set beside them."""

    workloads: Sequence[str]
    archs: Sequence[str] = ()
    sets: Sequence[str] = ()
    scenario: str | None = None
    layers: str = "all"
    batch: int | None = None
