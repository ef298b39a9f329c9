"""Groups of layers: those of a kind, or those whose names match patterns of the user's."""

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase

from archsim.formats.errors import InputError, Problem
from archsim.formats.source import in_file_order, unknown
from sdalgo.graph import Node
from sdalgo.tune.spec import Place

KINDS = ("first", "depthwise", "spatial", "pointwise", "linear", "classifier")
"""What a layer that no pattern names goes by."""


def kind_of(node: Node, first: str, last: str) -> str:
    """Return the kind of a layer.

    Args:
        first, last: names of the network's first and last layers with weights.
    """
    if node.op == "linear":
        return "classifier" if node.name == last else "linear"
    if node.name == first:
        return "first"
    fields = node.fields
    groups = fields.get("groups", 1)
    if groups > 1 and groups == fields["in_channels"]:
        return "depthwise"
    return "pointwise" if max(fields["kernel"]) == 1 else "spatial"


def groups_of(
    nodes: Sequence[Node], patterns: Mapping[str, Sequence[str]], place: Place
) -> dict[str, str]:
    """Return the group of each layer with weights, in the order in which they run.

    The first pattern that matches decides; a layer that none matches is in the group of its kind.

    Raises:
        InputError: a pattern matches no layer.
    """
    names = [node.name for node in nodes]
    wrong = [
        Problem(place("groups", name, at), f"groups.{name}: {unknown('layer', one, names)}")
        for name, each in patterns.items()
        for at, one in enumerate(each)
        if not any(fnmatchcase(layer, one) for layer in names)
    ]
    if wrong:
        raise InputError(in_file_order(wrong))
    found = {}
    for node in nodes:
        named = [
            name for name, each in patterns.items()
            if any(fnmatchcase(node.name, one) for one in each)
        ]  # fmt: skip
        found[node.name] = named[0] if named else kind_of(node, names[0], names[-1])
    return found
