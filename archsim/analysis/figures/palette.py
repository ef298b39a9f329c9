"""The colours of all figures: one for each machine, role, flow and cause, wherever it is drawn.

The hues are those of Okabe and Ito ("Color Universal Design", 2008), which readers with any kind of
colour vision tell apart. Components of one role, and flows of one kind, are shades of one hue.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from zlib import crc32

from archsim.analysis.roles import DRAM, LEAKAGE, ROLES, role_of_flow, roles_of
from archsim.results.energy_parts import PARTS
from archsim.results.result import AT_REST, Result

GREY, BLACK = "#9a9a9a", "#333333"
BLUE, SKY, GREEN, YELLOW = "#0072b2", "#56b4e9", "#009e73", "#f0e442"
ORANGE, VERMILION, PURPLE = "#e69f00", "#d55e00", "#cc79a7"

ROLE_COLOURS: Mapping[str, str] = dict(
    zip(
        (*ROLES, LEAKAGE),
        ("#4d4d4d", BLUE, GREEN, PURPLE, ORANGE, VERMILION, SKY, YELLOW),
        strict=True,
    )
)
CAUSE_COLOURS: Mapping[str, str] = {
    "busy": GREEN, "unmapped": "#bdbdbd", "lane_sync": "#fdc086", "line_sync": ORANGE,
    "slice_sync": VERMILION, "rebuild": YELLOW, "bank_conflict": PURPLE, "wait_input": SKY,
    "wait_weight": BLUE, "wait_output": "#2a4d8f", "drain": "#8c2d04",
}  # fmt: skip
SHIPPED: Mapping[str, str] = {
    "diannao": GREY, "scnn": BLUE, "cambriconx": ORANGE, "bitpragmatic": GREEN,
    "smartdeal": VERMILION, "systolic": SKY, "trainingaccelerator": PURPLE,
}  # fmt: skip
"""Machines by their names without case and punctuation, in their places from left to right."""
FURTHER = ("#8c510a", "#666633", "#5e3c99", "#b2182b", "#003c30", "#c51b7d", YELLOW, "#1b1b1b")
"""For a user's machines: which of them follows from the name alone, unless it is taken."""
BETTER, WORSE, WHOLE, MEAN_COLOUR, REST_COLOUR = BLUE, VERMILION, "#4d4d4d", "#c9c9c9", "#e0e0e0"
BAND_COLOUR = "#f3e6c4"
PALER = (0.0, 0.4, 0.65, 0.2, 0.8)  # the share of white in the shades of a hue, in this order
VARIANTS = (0.45, 0.7, 0.25, 0.85)  # the same for a machine with settings
MARKERS = "osD^vP*XhdpH<>8"


def placed(machines: Iterable[str]) -> list[str]:
    """Names of machines in the order in which they stand in every figure; a machine with settings
    (``SmartDeal, pe_slices.lines=8``) stands after the machine as it is."""
    order = list(SHIPPED)
    names = dict.fromkeys(machines)
    bare = list(dict.fromkeys(map(_bare, names)))

    def place(name: str) -> tuple[int, int, bool]:
        own = _bare(name)
        return order.index(_key(own)) if _key(own) in order else 99, bare.index(own), name != own

    return sorted(names, key=place)


def machine_colours(machines: Iterable[str]) -> dict[str, str]:
    """The colour of each machine, by its name; of one with settings a paler shade of it."""
    colours: dict[str, str] = {}
    shades: dict[str, str] = {}
    for name in placed(machines):
        own = _bare(name)
        first = crc32(own.encode()) % len(FURTHER)
        further = [*FURTHER[first:], *FURTHER[:first]]
        free = [colour for colour in further if colour not in colours.values()] or further
        colours.setdefault(own, SHIPPED.get(_key(own), free[0]))
        at = sum(_bare(other) == own != other for other in shades)
        shades[name] = colours[own] if name == own else paler(colours[own], VARIANTS[at % 4])
    return shades


def machine_markers(machines: Iterable[str]) -> dict[str, str]:
    """The mark of each machine in a scatter plot; it goes with the colour."""
    marks = dict(zip((*SHIPPED.values(), *FURTHER), MARKERS, strict=True))
    names = list(machines)
    colours = machine_colours([*map(_bare, names), *names])
    return {name: marks[colours[_bare(name)]] for name in placed(names)}


def component_colours(results: Iterable[Result], drawn: Collection[str]) -> dict[str, str]:
    """A shade of its role's hue for each component of some machines that is drawn, in the order of
    the roles."""
    roles: dict[str, str] = {}
    for result in results:
        own = roles_of(result.kinds, result.arch_resolved["flows"])
        roles |= {name: role for name, role in own.items() if name not in roles}
    roles[AT_REST] = LEAKAGE
    return shades({name: role for name, role in parted(roles) if name in drawn})


def parted(roles: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Names with their roles, and after each that may be a memory its parts by their names."""
    for name, role in roles.items():
        yield name, role
        if role == DRAM:
            yield from ((f"{name} {part}", role) for part in dict.fromkeys(PARTS.values()))


def flow_colours(flows: Mapping[str, str], drawn: Collection[str]) -> dict[str, str]:
    """A colour for each flow that is drawn, in the order of the roles, of all flows given with
    their roles in the arch: that of the buffers it fills."""
    roles = {name: role_of_flow(name, role) for name, role in flows.items() if name in drawn}
    return shades(roles)


def shades(roles: Mapping[str, str]) -> dict[str, str]:
    """Names by the order of their roles, each a little paler than the one of its role before."""
    found: dict[str, str] = {}
    for role, colour in ROLE_COLOURS.items():
        own = [name for name, of_name in roles.items() if of_name == role]
        found |= {name: paler(colour, PALER[at % len(PALER)]) for at, name in enumerate(own)}
    return found


def paler(colour: str, share: float) -> str:
    """`colour` (#rrggbb) mixed with a share of white."""
    parts = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return "#" + "".join(f"{round(part + (255 - part) * share):02x}" for part in parts)


def _bare(name: str) -> str:
    """The name without settings; no machine has a comma in its name."""
    return name.partition(", ")[0]


def _key(name: str) -> str:
    """A machine's name as `SHIPPED` has it; a systolic array may call itself one."""
    return "".join(filter(str.isalnum, name.casefold())).removesuffix("array")
