"""Machine rules as files: where they lie, how one is loaded, and the component classes it brings.

A rule is a module: a file, or a folder with its kernels and components. It is found by listing and
loaded by path, so `arch/` imports no machine.
"""

import importlib
import importlib.util
import inspect
import os
import pkgutil
import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from types import FunctionType, ModuleType

from archsim.arch import components
from archsim.arch.component import Component
from archsim.formats.errors import CheckFailed, InputError
from archsim.formats.regular import open_input

MACHINES_VARIABLE = "ARCHSIM_MACHINES"
OWN = Path(__file__).resolve().parents[1] / "machines"
"""The machines of the package."""
SHARED = "shared"
"""The folder beside them that is no machine."""
NEEDED = ("tiles", "FLOWS")


def machine_files(machines: Path | None = None) -> dict[str, Path]:
    """Every machine rule by name: those of the package, then those of the named folders."""
    folders = [OWN]
    if os.environ.get(MACHINES_VARIABLE):
        folders.append(Path(os.environ[MACHINES_VARIABLE]))
    if machines is not None:
        folders.append(machines)
    found = {}
    for folder in map(Path.resolve, folders):  # `module_of` keeps modules by path
        parts = [path.parent for path in folder.glob("*/__init__.py") if path.parent.name != SHARED]
        for path in sorted([*folder.glob("*.py"), *parts]):
            if not path.stem.startswith("_"):
                found[path.stem] = path
    return found


@cache
def module_of(path: Path) -> ModuleType:
    """The machine at `path`, a file or a folder. InputError if it lacks `tiles` or `FLOWS`.

    Only files of the package or of a folder that the user named as a machines folder come here.
    Each is loaded once, so that the classes it defines are the same wherever they are met.
    """
    if path.parent == OWN:
        module = importlib.import_module(f"archsim.machines.{path.stem}")
    else:
        file = path / "__init__.py" if path.is_dir() else path
        spec = importlib.util.spec_from_file_location(f"archsim_machine_{path.stem}", file)
        assert spec is not None
        assert spec.loader is not None
        _check_files(path)
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module  # where pydantic looks up the names in annotations
        try:
            with blamed(path):
                spec.loader.exec_module(module)
        except BaseException:
            del sys.modules[spec.name]  # others look at the files of modules, and would wait
            raise
    for needed in NEEDED:
        if not hasattr(module, needed):
            raise InputError.at(path, f"a machine file defines `{needed}`; this one does not")
    return module


def _check_files(rule: Path) -> None:
    """InputError where Python would wait for a pipe or a device to end."""
    for file in rule.rglob("*.py") if rule.is_dir() else (rule,):
        try:
            open_input(file).close()
        except OSError as error:
            raise InputError.at(file, f"cannot be read: {error.strerror}") from error


@contextmanager
def blamed(rule: Path) -> Iterator[None]:
    """Whatever fails in or because of a rule from outside the package is an InputError at its line;
    at that of `tiles` where the rule returned something that archsim cannot use.
    """
    try:
        yield
    except (InputError, MemoryError):
        raise
    except Exception as error:
        if rule.parent == OWN:
            raise
        said = str(error) if isinstance(error, CheckFailed) else f"{type(error).__name__}: {error}"
        if isinstance(error, SyntaxError) and error.filename:
            raise InputError.at(f"{error.filename}:{error.lineno}", said) from error
        frames = traceback.extract_tb(error.__traceback__)
        own = [each for each in frames if Path(each.filename).is_relative_to(rule)]
        if own:
            message = f"the machine {rule.stem!r} failed: {said}"
            raise InputError.at(f"{own[-1].filename}:{own[-1].lineno}", message) from error
        place = f"{inspect.getsourcefile(rule_of(rule))}:{rule_of(rule).__code__.co_firstlineno}"
        message = f"what tiles of the machine {rule.stem!r} returns is not right: {said}"
        raise InputError.at(place, message) from error


def rule_of(rule: Path) -> FunctionType:
    """The function `tiles` of the machine at a path."""
    found: FunctionType = inspect.unwrap(module_of(rule).tiles)
    return found


def classes_of(machine: Path) -> Mapping[str, type[Component]]:
    """The component classes that a machine brings."""
    return _classes_in(module_of(machine))


@cache
def shipped_classes() -> dict[str, type[Component]]:
    """Every component class of the package by name: the shared ones, then those of each machine."""
    found: dict[str, type[Component]] = {}
    for info in sorted(pkgutil.iter_modules(components.__path__), key=lambda info: info.name):
        found |= _classes_in(importlib.import_module(f"{components.__name__}.{info.name}"))
    for path in machine_files().values():
        if path.parent == OWN:
            found |= classes_of(path)
    return found


def known_classes() -> dict[str, type[Component]]:
    """Every component class that can be found: those of the package, then those of machines in the
    folder that the user named, as far as these can be loaded."""
    found = dict(shipped_classes())
    for path in machine_files().values():
        if path.parent != OWN:
            with suppress(InputError):
                found |= classes_of(path)
    return found


def _classes_in(module: ModuleType) -> dict[str, type[Component]]:
    """The component classes that a module or a file of its folder defines, by name. InputError if
    one lacks what its kind needs.
    """
    found = {
        name: value
        for name, value in vars(module).items()
        if isinstance(value, type)
        and issubclass(value, Component)
        and f"{value.__module__}.".startswith(f"{module.__name__}.")
        and not name.startswith("_")
    }
    for name, kind in found.items():
        if problem := kind.problem():
            place = f"{inspect.getsourcefile(kind)}:{inspect.getsourcelines(kind)[1]}"
            raise InputError.at(place, f"class {name}: {problem}")
    return found
