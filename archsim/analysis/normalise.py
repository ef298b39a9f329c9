"""Results side by side: every machine of a workload against one of them, the reference."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from archsim.results.result import Result
from archsim.results.store import Stored


@dataclass(frozen=True)
class Normalised:
    """One result, what it is called beside the others, and its reference: the same workload under
    the same scenario on the reference machine, or None where that was not run."""

    stored: Stored
    label: str
    reference: Result | None

    @property
    def result(self) -> Result:
        return self.stored.result

    @property
    def speedup(self) -> float | None:
        """How many times faster than the reference."""
        if self.reference is None:
            return None
        return _ratio(self.reference.milliseconds, self.result.milliseconds)

    @property
    def energy(self) -> float | None:
        """Energy as a multiple of the reference's."""
        if self.reference is None:
            return None
        return _ratio(self.result.energy_pj, self.reference.energy_pj)

    @property
    def dram(self) -> float | None:
        """DRAM bytes as a multiple of the reference's."""
        if self.reference is None:
            return None
        return _ratio(self.result.dram_bytes, self.reference.dram_bytes)


def normalise(results: Sequence[Stored], reference: str) -> list[Normalised]:
    """A row for each result, in the given order. `reference` is the stem or the name of a machine,
    in any case."""
    references = {
        stored.group: stored.result for stored in results if is_machine(stored, reference)
    }
    names = Counter((stored.group, stored.result.arch) for stored in results)
    rows = []
    for stored in results:
        name = stored.result.arch
        label = f"{name} ({stored.stem})" if names[stored.group, name] > 1 else name
        rows.append(Normalised(stored, label, references.get(stored.group)))
    return rows


def is_machine(stored: Stored, name: str) -> bool:
    """Whether `name` means the machine of this result."""
    return name.casefold() in {stored.stem.casefold(), stored.result.arch.casefold()}


def _ratio(above: float, below: float) -> float | None:
    return above / below if below else None
