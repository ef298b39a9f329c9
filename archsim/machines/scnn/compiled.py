"""Whether SCNN's queues are followed, and its vectors filled, by compiled loops."""

from typing import Any

from archsim.formats import compiled as shared


def compiled(loops: str = "loops") -> Any:
    """A module of loops, `archsim.machines.scnn.loops` or another; None where they are not used."""
    return shared.compiled(f"archsim.machines.scnn.{loops}")
