"""A network that is a Python file of the user's own, which runs: only the command line says so."""

import importlib.util
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from archsim.formats.errors import InputError
from archsim.formats.regular import open_input
from sdalgo import networks


def run(path: Path) -> None:
    """Run a file like those of `sdalgo.networks`; `network(str(path))` then finds it.

    Raises:
        InputError: it cannot be read, fails, or lacks `INPUT` or `build`.
    """
    try:
        open_input(path).close()  # Python would wait for a pipe to end
    except OSError as error:
        raise InputError.at(path, f"cannot be read: {error.strerror or error}") from error
    spec = importlib.util.spec_from_file_location(f"sdalgo_own_{path.stem}", path.absolute())
    if spec is None or spec.loader is None:
        raise InputError.at(path, "is not a Python file; its name ends in .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where dataclasses look up their module
    try:
        with blamed(path):
            spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[spec.name]
        raise
    shape = getattr(module, "INPUT", None)
    if not isinstance(shape, tuple) or not all(type(side) is int and side > 0 for side in shape):
        raise InputError.at(path, "needs `INPUT`, the shape of one sample: INPUT = (3, 224, 224)")
    if len(shape) not in ((1,) if hasattr(module, "VOCABULARY") else (2, 3)):
        raise InputError.at(
            path, f"INPUT = {shape}: (C, H, W) or (steps, characters) is needed; with a VOCABULARY "
            "(tokens,)"
        )  # fmt: skip
    if not callable(getattr(module, "build", None)):
        raise InputError.at(path, "needs `build`, which returns the network, a torch.nn.Module")
    networks.OWN[str(path)] = module


@contextmanager
def blamed(path: Path) -> Iterator[None]:
    """What fails in a file, now or while its network runs, is an InputError at its line."""
    try:
        yield
    except (InputError, MemoryError):
        raise
    except Exception as error:
        said, whole = f"{type(error).__name__}: {error}", str(path.absolute())
        if isinstance(error, SyntaxError) and error.filename == whole:
            raise InputError.at(f"{path}:{error.lineno}", said) from error
        frames = traceback.extract_tb(error.__traceback__)
        lines = [each.lineno for each in frames if each.filename == whole]
        if not lines:
            raise
        raise InputError.at(f"{path}:{lines[-1]}", said) from error
