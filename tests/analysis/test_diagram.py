"""The diagram of every machine, read from its SVG: each hop of each flow is a wire that is seen."""

import re
import xml.etree.ElementTree as ET
from itertools import pairwise

import pytest

from archsim.analysis.figures.diagram_svg import BOX, svg
from archsim.analysis.figures.palette import flow_colours
from archsim.arch.arch import load_arch
from archsim.formats.search import names

SVG = "{http://www.w3.org/2000/svg}"


def boxes(picture):
    """The middle of each component's box, by name."""
    found = {}
    for box in picture.iter(f"{SVG}rect"):
        if box.get("rx"):
            middle = float(box.get("x")) + BOX[0] / 2, float(box.get("y")) + BOX[1] / 2
            found[middle] = None
    for text in picture.iter(f"{SVG}text"):
        place = float(text.get("x")), float(text.get("y")) + 2
        if found.get(place, "") is None:
            found[place] = text.text
    return {name: place for place, name in found.items()}


def wires(picture):
    """Colour, first and last point of each wire, and whether it ends in an arrowhead."""
    for path in picture.iter(f"{SVG}path"):
        if path.get("marker-end"):
            points = re.findall(r"(-?[\d.]+),(-?[\d.]+)", path.get("d"))
            ends = [tuple(map(float, point)) for point in (points[0], points[-1])]
            yield path.get("stroke"), *ends, len(points), float(path.get("stroke-width"))


def touches(point, box):
    return abs(point[0] - box[0]) <= BOX[0] / 2 and abs(point[1] - box[1]) <= BOX[1] / 2


@pytest.mark.parametrize("name", list(names("archs")))
def test_every_hop_of_every_flow_is_a_wire_between_its_boxes(name):
    arch = load_arch(name)
    picture = ET.fromstring(svg(arch))
    places = boxes(picture)
    assert set(places) == set(arch.components)
    colours = flow_colours({flow.name: flow.role for flow in arch.flows.values()}, arch.flows)
    assert len(set(colours.values())) == len(colours)
    hops = [
        (colours[flow.name], source, target)
        for flow in arch.flows.values()
        for source, target in pairwise(flow.path)
    ]
    drawn = list(wires(picture))
    assert len(drawn) == len(hops)
    for colour, source, target in hops:
        assert any(
            stroke == colour and touches(first, places[source]) and touches(last, places[target])
            for stroke, first, last, _, _ in drawn
        ), (colour, source, target)
    assert all(points >= 2 and width > 1 for *_, points, width in drawn)


@pytest.mark.parametrize("name", list(names("archs")))
def test_the_legend_names_every_flow_in_its_colour(name):
    arch = load_arch(name)
    picture = ET.fromstring(svg(arch))
    colours = flow_colours({flow.name: flow.role for flow in arch.flows.values()}, arch.flows)
    said = {text.text for text in picture.iter(f"{SVG}text")}
    assert {f"{flow.name} ({flow.role})" for flow in arch.flows.values()} <= said
    keys = [path.get("stroke") for path in picture.iter(f"{SVG}path")
            if path.get("stroke") and not path.get("marker-end")]  # fmt: skip
    assert keys == [colours[flow] for flow in arch.flows]
