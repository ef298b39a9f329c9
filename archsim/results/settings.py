"""What was set for a run beside its machine and its workload, and how names of files carry it.

Settings are keys with their values: keys of the arch (`dram.bytes_per_cycle`), `batch`, and
`layers` for a part of the network, each only where it is not what the files say. A scenario stands
in the name of the folder.
"""

import json
from collections.abc import Mapping
from hashlib import blake2b
from typing import Any
from urllib.parse import quote, unquote

Settings = Mapping[str, Any]
BATCH, LAYERS = "batch", "layers"
LONGEST = 120
"""Characters of the settings in a file name; a hash stands for what is beyond."""
LONGEST_LABEL = 40
DIGEST_BYTES = 6
SAFE = "+"
"""What `quote` leaves as it is beside letters, digits and `_.-~`; no file system minds it."""


def setting_name(path: str) -> str:
    """A full key path (`components.dram.bytes_per_cycle`) as people write it."""
    return path.removeprefix("components.")


def value_text(value: Any) -> str:
    """A value as YAML has it on one line."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def settings_text(settings: Settings) -> str:
    """All settings by key, as in ``ARCH@KEY=VALUE,...``."""
    return ",".join(f"{key}={value_text(settings[key])}" for key in sorted(settings))


def short_text(settings: Settings, joint: str = ",") -> str:
    """The same to stand in a figure: settings that have no room are counted, and a hash tells
    those apart that are called the same."""
    text = settings_text(settings)
    parts = [f"{key}={value_text(settings[key])}" for key in sorted(settings)]
    if len(text) <= LONGEST_LABEL:
        return joint.join(parts)
    first, *rest = parts
    more = f", {len(rest)} more" if rest else ""
    return f"{first[:LONGEST_LABEL]}{more} ({_digest(text)[:4]})"


def file_stem(machine: str, settings: Settings) -> str:
    """The name of a result's file: the machine's, and its settings after an @. No two machines and
    no two settings have one name, whatever their names and values contain."""
    # The name of a machine in a folder of its own (`edge/fpga`) has a slash, which no file has.
    machine = machine.replace("%", "%25").replace("/", "%2F")
    if not settings:
        return machine
    text = ",".join(
        f"{quote(key, SAFE)}={quote(value_text(settings[key]), SAFE)}" for key in sorted(settings)
    )
    if len(text) > LONGEST:
        digest = _digest(settings_text(settings))
        text = f"{text[: LONGEST - len(digest) - 1]}~{digest}"
    return f"{machine}@{text}"


def machine_of(stem: str, settings: Settings) -> str:
    """The machine in the name of a result's file."""
    return unquote(stem.removesuffix(file_stem("", settings)) or stem)


def settings_in(notes: tuple[str, ...]) -> dict[str, Any]:
    """The batch and the layers that the notes of an earlier archsim's result speak of."""
    found: dict[str, Any] = {}
    for note in notes:
        what, _, said = note.partition(": ")
        if what == BATCH and said.partition(" ")[0].isdecimal():
            found[BATCH] = int(said.partition(" ")[0])
        elif what == LAYERS and said == "convolutions only":
            found[LAYERS] = "conv"
        elif what == LAYERS and ", those of " in said:
            found[LAYERS] = said.partition(", those of ")[2]
    return found


def _digest(text: str) -> str:
    return blake2b(text.encode(), digest_size=DIGEST_BYTES).hexdigest()
