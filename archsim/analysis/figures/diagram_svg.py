"""A machine's diagram as SVG: boxes for components, one coloured line for each flow."""

from collections.abc import Mapping
from dataclasses import dataclass
from xml.sax.saxutils import escape

from archsim.analysis.figures.diagram import Layout, Sketch, Wire, layout, sketch_of
from archsim.analysis.figures.palette import flow_colours
from archsim.arch.arch import Arch

BOX = (112, 46)  # width and height of a component, pixels
PITCH = (152, 78)  # distance of columns and of rows
MARGIN = 24
WIRE_GAP = 8  # between flows that share a way
STUB = 8  # how far a wire leaves a box straight
LANE = 16  # between flows that return under the boxes
LEGEND = 22
FONT = "font-family='DejaVu Sans, Verdana, sans-serif'"
Point = tuple[float, float]


@dataclass(frozen=True)
class Drawing:
    """A layout with its measures: centres of names, colours of flows, and which lane under the
    boxes each returning wire takes."""

    layout: Layout
    centres: Mapping[str, Point]
    colours: Mapping[str, str]
    lanes: Mapping[Wire, int]
    bottom: float


MARK = "<!-- archsim draw -->"
"""What every diagram begins with."""


def svg(arch: Arch) -> str:
    """The diagram of `arch` as a document of its own."""
    return drawn(sketch_of(arch))


def drawn(sketch: Sketch) -> str:
    """The same of what a diagram shows of a machine, wherever it comes from."""
    drawing = _measure(sketch, layout(sketch))
    legend_top = drawing.bottom + LANE * (len(drawing.lanes) + 1) + 8
    width = 2 * MARGIN + PITCH[0] * (len(drawing.layout.columns) - 1) + BOX[0]
    height = legend_top + LEGEND * 2
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height:g}" '
        f'width="{width}" height="{height:g}" role="img">',
        MARK,
        f"<title>{escape(sketch.name)}</title>",
        f'<rect width="{width}" height="{height:g}" fill="white"/>',
        *_arrowheads(drawing.colours),
        *(_wire(drawing, wire) for wire in drawing.layout.wires),
        *(_box(drawing.centres[name], name, kind) for name, kind in sketch.classes.items()),
        *_legend(sketch, drawing.colours, legend_top + LEGEND),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _measure(sketch: Sketch, plan: Layout) -> Drawing:
    rows = max(len(names) for names in plan.columns)
    centres = {}
    for column, names in enumerate(plan.columns):
        for row, name in enumerate(names):
            centres[name] = (
                MARGIN + BOX[0] / 2 + column * PITCH[0],
                MARGIN + BOX[1] / 2 + PITCH[1] * (row + (rows - len(names)) / 2),
            )
    returning = [
        wire for wire in plan.wires if plan.column(wire.target) < plan.column(wire.source) - 1
    ]
    colours = flow_colours({name: flow.role for name, flow in sketch.flows.items()}, sketch.flows)
    lanes = {wire: lane for lane, wire in enumerate(returning)}
    bottom = MARGIN + BOX[1] + PITCH[1] * (rows - 1)
    return Drawing(plan, centres, colours, lanes, bottom)


def _wire(drawing: Drawing, wire: Wire) -> str:
    """One flow between two components."""
    points = _under(drawing, wire) if wire in drawing.lanes else _across(drawing, wire)
    path = "M" + " L".join(f"{x:g},{y:g}" for x, y in points)
    colour = drawing.colours[wire.flow]
    head = f"url(#head-{colour[1:]})"
    return (
        f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="1.6" '
        f'stroke-linejoin="round" marker-end="{head}"/>'
    )


def _across(drawing: Drawing, wire: Wire) -> list[Point]:
    """From side to side, by way of the way points."""
    (x0, y0), (x1, y1) = drawing.centres[wire.source], drawing.centres[wire.target]
    leave, arrive = _port(drawing, wire, wire.source), _port(drawing, wire, wire.target)
    if x0 == x1:
        side = BOX[1] / 2 if y1 > y0 else -BOX[1] / 2
        return [(x0 + leave, y0 + side), (x1 + arrive, y1 - side)]
    right = 1 if x1 > x0 else -1
    side, stub = right * BOX[0] / 2, right * STUB
    middle = [drawing.centres[name] for name in wire.via]
    return [
        (x0 + side, y0 + leave), (x0 + side + stub, y0 + leave), *middle,
        (x1 - side - 2 * stub, y1 + arrive), (x1 - side, y1 + arrive),
    ]  # fmt: skip


def _port(drawing: Drawing, wire: Wire, at: str) -> float:
    """How far from the middle of the component `at` a wire meets it, so that no two meet in one
    point: in the order of the rows they lead to."""
    others = [
        other
        for other in drawing.layout.wires
        if other not in drawing.lanes
        and at in (other.source, other.target)
        and _side(drawing, other, at) == _side(drawing, wire, at)
    ]
    others.sort(key=lambda other: _far_row(drawing, other, at))
    return (others.index(wire) - (len(others) - 1) / 2) * WIRE_GAP


def _side(drawing: Drawing, wire: Wire, at: str) -> bool:
    """Whether `wire` meets the component `at` on its left."""
    other = wire.source if at == wire.target else wire.target
    return drawing.centres[other][0] < drawing.centres[at][0]


def _far_row(drawing: Drawing, wire: Wire, at: str) -> float:
    return drawing.centres[wire.source if at == wire.target else wire.target][1]


def _under(drawing: Drawing, wire: Wire) -> list[Point]:
    """Down, back under all boxes, and up again."""
    (x0, y0), (x1, y1) = drawing.centres[wire.source], drawing.centres[wire.target]
    lane = drawing.lanes[wire]
    y = drawing.bottom + LANE * (lane + 1)
    x0, x1 = x0 - WIRE_GAP * lane, x1 + WIRE_GAP * lane
    return [(x0, y0 + BOX[1] / 2), (x0, y), (x1, y), (x1, y1 + BOX[1] / 2)]


def _arrowheads(colours: Mapping[str, str]) -> list[str]:
    heads = [
        f'<marker id="head-{colour[1:]}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="6" '
        f'markerHeight="6" orient="auto"><path d="M0,0 L8,4 L0,8 z" fill="{colour}"/></marker>'
        for colour in dict.fromkeys(colours.values())
    ]
    return ["<defs>", *heads, "</defs>"]


def _box(centre: Point, name: str, kind: str) -> str:
    x, y = centre
    return (
        f'<rect x="{x - BOX[0] / 2:g}" y="{y - BOX[1] / 2:g}" width="{BOX[0]}" '
        f'height="{BOX[1]}" rx="5" fill="#f6f6f6" stroke="#444444"/>\n'
        f'<text x="{x:g}" y="{y - 2:g}" text-anchor="middle" {FONT} font-size="12" '
        f'fill="#111111">{escape(name)}</text>\n'
        f'<text x="{x:g}" y="{y + 13:g}" text-anchor="middle" {FONT} font-size="9.5" '
        f'fill="#666666">{escape(kind)}</text>'
    )


def _legend(sketch: Sketch, colours: Mapping[str, str], y: float) -> list[str]:
    parts, x = [], float(MARGIN)
    for flow in sketch.flows.values():
        said = f"{flow.name} ({flow.role})"
        parts.append(
            f'<path d="M{x:g},{y - 4:g} h22" stroke="{colours[flow.name]}" stroke-width="3"/>'
        )
        parts.append(
            f'<text x="{x + 28:g}" y="{y:g}" {FONT} font-size="11" '
            f'fill="#111111">{escape(said)}</text>'
        )
        x += 28 + 6.8 * len(said) + 20
    return parts
