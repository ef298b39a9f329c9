"""archsim: discrete-event simulation of neural-network accelerators wired from YAML.

import archsim
workload = archsim.load_workload("mobilenet_v2_sd")
result = archsim.simulate(archsim.load_arch("smartdeal"), workload)
print(result.table())
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from archsim.version import VERSION

if TYPE_CHECKING:
    from archsim.analysis.cells import compare
    from archsim.analysis.search.search import search
    from archsim.analysis.sweep.sweep import sweep
    from archsim.arch.arch import Arch, load_arch
    from archsim.results.result import Result
    from archsim.runs.cached import simulate
    from archsim.workload.workload import Workload, load_workload

__version__ = VERSION

_HOMES = {
    "Arch": "archsim.arch.arch",
    "load_arch": "archsim.arch.arch",
    "Result": "archsim.results.result",
    "simulate": "archsim.runs.cached",
    "Workload": "archsim.workload.workload",
    "load_workload": "archsim.workload.workload",
    "compare": "archsim.analysis.cells",
    "search": "archsim.analysis.search.search",
    "sweep": "archsim.analysis.sweep.sweep",
}

__all__ = [
    "Arch",
    "Result",
    "Workload",
    "__version__",
    "compare",
    "load_arch",
    "load_workload",
    "search",
    "simulate",
    "sweep",
]


def __dir__() -> list[str]:
    """The public names, whether they have been used or not."""
    return sorted(__all__)


def __getattr__(name: str) -> Any:
    """The public names, imported when they are first used, so that `archsim --help` stays quick."""
    if name not in _HOMES:
        raise AttributeError(f"module 'archsim' has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value
