"""What a results file says of its machine and its prices, as far as anything reads it again.

The whole arch is checked where it is run again (`archsim explain FILE`); tables and figures need
its parts to have a class, its flows to have a role and a path, and names to be those of its parts.
"""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StrictFloat,
    StrictInt,
    ValidationError,
)

from archsim.arch.records import Role

_Pj = Annotated[StrictInt | StrictFloat, Field(ge=0, allow_inf_nan=False)]


class _Read(BaseModel):
    """Keys that are read; others may stand beside them."""

    model_config = ConfigDict(strict=True)


class _Flow(_Read):
    role: Role
    path: list[str] | tuple[str, ...]


class _Part(_Read):
    kind: Annotated[str, Field(alias="class")]


class _Arch(_Read):
    flows: Mapping[str, _Flow]
    components: Mapping[str, _Part]
    energy: str | list[str] | tuple[str, ...] = ()


class _Prices(_Read):
    sram: Mapping[str, Any] | None = None
    components: Mapping[str, Mapping[str, _Pj]] = Field(default_factory=dict)
    buffers: Mapping[str, Mapping[str, _Pj]] = Field(default_factory=dict)


def _arch(found: Mapping[str, Any]) -> Mapping[str, Any]:
    return _checked(_Arch, found)


def _prices(found: Mapping[str, Any]) -> Mapping[str, Any]:
    return _checked(_Prices, found)


def _checked(model: type[_Read], found: Mapping[str, Any]) -> Mapping[str, Any]:
    try:
        model.model_validate(found)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise ValueError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from error
    return found


WrittenArch = Annotated[Mapping[str, Any], AfterValidator(_arch)]
"""A resolved arch."""
WrittenPrices = Annotated[Mapping[str, Any], AfterValidator(_prices)]
"""pJ per action of each component, and of SRAM."""


def check_names(arch: Mapping[str, Any], kinds: Mapping[str, str], counted: set[str]) -> None:
    """Raise TypeError where a name is not that of a part, or a buffer has no flow."""
    if {*kinds} != {*arch["components"]}:
        raise TypeError("kinds: are not those of the components of arch_resolved")
    if unknown := sorted(counted - {*kinds}):
        raise TypeError(f"{unknown[0]!r} is counted, and the machine has no such component")
    passed = {name for flow in arch["flows"].values() for name in flow["path"]}
    if bare := [name for name, kind in kinds.items() if kind == "storage" and name not in passed]:
        raise TypeError(f"no flow passes the buffer {bare[0]!r}")


def check_time(cycles: int, instances: Mapping[str, int], spent: Mapping[str, int]) -> None:
    """Raise TypeError where a component has spent cycles, and it or the run has none."""
    for name, count in spent.items():
        if count and not cycles * instances.get(name, 0):
            raise TypeError(f"instances.{name}: has spent {count:,} cycles in a run of none")
