"""Networks, one file each, found by listing this folder.

A network file holds `INPUT` (shape of one sample), `PARAMETERS` and `MACS` (published or counted
by hand, with their source) and `build()`. State dicts use torchvision's keys where it has them.
`FRONT = "export"` has it read by torch.export, with layers for attention and normalisation, and not
by torch.fx. With a `VOCABULARY` its samples are token ids; what `fill` computes is no input but is
part of the network's state, such as a cache of keys.
"""

import importlib
import pkgutil
from types import ModuleType

from archsim.formats.source import require

OWN: dict[str, ModuleType] = {}
"""Files of the user's own that the command line has run (`sdalgo.own_network`), by path."""


def names() -> list[str]:
    """Return the names of all networks."""
    return sorted(m.name for m in pkgutil.iter_modules(__path__) if not m.name.startswith("_"))


def network(name: str) -> ModuleType:
    """Return the module of a network; torch is imported here.

    Raises:
        InputError: there is no such network.
    """
    if name in OWN:
        return OWN[name]
    require("network", name, names())
    return importlib.import_module(f"{__name__}.{name}")
