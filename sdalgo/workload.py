"""Writing a workload: YAML for archsim, and safetensors beside it (docs/reference/formats.md)."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from archsim.formats.workload_records import FORMAT, RECORDS

DEFAULTS = {
    key: list(field.default) if isinstance(field.default, tuple) else field.default
    for record in (RECORDS["linear"], RECORDS["conv"], RECORDS["deconv"])
    for key, field in record.model_fields.items()
    if not field.is_required() and field.default
}
"""What need not be written."""

Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True, kw_only=True)
class LayerEntry:
    """One layer of the file: its keys in order, and its profile (empty: none is written)."""

    keys: Mapping[str, Any]
    profile: Mapping[str, Any]


def header(name: str, task: str, batch: int, **source: str) -> dict[str, Any]:
    """Return the keys of a file but its layers; `source` tells where each part comes from."""
    return {
        "format": FORMAT, "name": name, "task": task, "batch": batch, "source": source,
        "tensors": f"{name}.safetensors",
    }  # fmt: skip


def workload_text(header: Mapping[str, Any], layers: list[LayerEntry]) -> str:
    """Return the YAML text; profiles stand in flow style, one line a tensor."""
    lines = [f"{key}: {_flow(value)}" for key, value in header.items() if key != "source"]
    lines.append("source:")
    lines += [f"  {key}: {_flow(value)}" for key, value in header["source"].items()]
    lines.append("layers:")
    for layer in layers:
        keys = {k: v for k, v in layer.keys.items() if DEFAULTS.get(k) != v}
        rows = [f"{key}: {_flow(value)}" for key, value in keys.items()]
        if layer.profile:
            rows.append("profile:")
            rows += [f"  {what}: {_flow(section)}" for what, section in layer.profile.items()]
        lines += [f"{'  - ' if i == 0 else '    '}{row}" for i, row in enumerate(rows)]
    return "\n".join(lines) + "\n"


def _flow(value: Any) -> str:
    """JSON is YAML 1.2 in flow style; plain words are left unquoted for the reader's sake."""
    if (
        isinstance(value, str)
        and value.isidentifier()
        and value.lower() not in ("true", "false", "null")
    ):
        return value
    return json.dumps(value, separators=(", ", ": "), ensure_ascii=False)
