"""Writing files so that a reader never sees half of one, and a power cut loses none."""

import os
from contextlib import suppress
from pathlib import Path

from archsim.formats.errors import InputError
from archsim.formats.regular import check_output
from archsim.formats.temporary import sweep_once, temporary_beside


def write_atomically(path: Path, content: bytes) -> None:
    """Put `content` at `path`, making its folders.

    The bytes go to a temporary file in the same folder and from there to the disk; then the file
    takes the name, and the name goes to the disk. Whatever happens half way, `path` holds either
    its old content or the new one, and of two files written one after the other the second is never
    there without the first. A device or a pipe has no old content and is written as it is.

    Raises:
        InputError: that is impossible (no permission, a full disk, a file in place of a folder), or
            `path` is an input of the command that runs.
    """
    check_output(path)
    temporary = temporary_beside(path)
    try:
        if path.exists() and not (path.is_file() or path.is_dir()):
            path.write_bytes(content)
            return
        make_folder(path.parent)
        try:
            sweep_once(path.parent)
            with temporary.open("xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            move(temporary, path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError.at(str(path), f"cannot be written: {reason}") from error


def move(source: Path, target: Path) -> None:
    """Give a whole file its name, in place of what has it; the name is then on the disk.

    Raises:
        OSError: it cannot.
        InputError: `target` is an input of the command that runs.
    """
    check_output(target)
    source.replace(target)
    _sync(target.parent)


def make_folder(folder: Path) -> None:
    """Make a folder, and those above it; their names are then on the disk. OSError if it cannot."""
    made = [each for each in (folder, *folder.parents) if not each.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for each in reversed(made):
        _sync(each.parent)


def _sync(folder: Path) -> None:
    """Bring the names in a folder to the disk."""
    # Not every file system syncs folders, and not every folder may be read: what is written is
    # whole all the same, and only a power cut could still take its name away.
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def check_writable(folder: Path) -> None:
    """Make `folder` and try a file in it; InputError where that fails."""
    probe = folder / ".writable"
    write_atomically(probe, b"")
    probe.unlink(missing_ok=True)
