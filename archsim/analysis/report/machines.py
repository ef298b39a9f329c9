"""The machines of a page: a diagram and every value of each, from what its results hold."""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from typing import Any

from archsim.analysis.figures.diagram import sketch_in
from archsim.analysis.figures.diagram_svg import drawn
from archsim.results.settings import value_text
from archsim.results.store import Stored

NOT_KEYS = ("components", "flows", "name")


def machines(stored: Sequence[Stored], titles: Mapping[str, str]) -> list[dict[str, Any]]:
    """A diagram, its flows in words and a table of keys for each machine that some result was made
    on; a file that was changed between two results is two machines."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for each in stored:
        key = each.stem, each.result.arch_hash
        if key not in found:
            found[key] = _machine(
                each, titles[each.stem], sum(stem == each.stem for stem, _ in found)
            )
        found[key]["groups"].append(each.group)
    return [*found.values()]


def _machine(stored: Stored, title: str, earlier: int) -> dict[str, Any]:
    result = stored.result
    resolved = result.arch_resolved
    sketch = sketch_in(result.arch, resolved)
    picture = b64encode(drawn(sketch).encode()).decode()
    return {
        "stem": stored.stem,
        "title": f"{title} [{earlier + 1}]" if earlier else title,
        "arch_hash": result.arch_hash,
        "groups": [],
        "picture": f"data:image/svg+xml;base64,{picture}",
        "flows": [
            f"{lane.name} ({lane.role}): {' → '.join(lane.path)}" for lane in sketch.flows.values()
        ],
        "keys": [
            *(["", key, _said(value)] for key, value in resolved.items() if key not in NOT_KEYS),
            *(
                [name, key, _said(value)]
                for name, keys in resolved["components"].items()
                for key, value in keys.items()
            ),
        ],
    }


def _said(value: Any) -> str:
    return value_text([*value] if isinstance(value, tuple) else value)
