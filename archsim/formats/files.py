"""Writing files so that a reader never sees half of one."""

import os
from pathlib import Path

from archsim.formats.errors import InputError
from archsim.formats.temporary import sweep_once, temporary_beside


def write_atomically(path: Path, content: bytes) -> None:
    """Put `content` at `path`, making its folders.

    The bytes go to a temporary file in the same folder, which then takes the name: whatever
    happens half way, `path` holds either its old content or the new one. InputError, naming the
    path and the reason, where that is impossible (no permission, a full disk, a file in place of a
    folder). A device or a pipe has no old content and is written as it is.
    """
    temporary = temporary_beside(path)
    try:
        if path.exists() and not (path.is_file() or path.is_dir()):
            path.write_bytes(content)
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            sweep_once(path.parent)
            with temporary.open("xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError.at(str(path), f"cannot be written: {reason}") from error


def check_writable(folder: Path) -> None:
    """Make `folder` and try a file in it; InputError where that fails."""
    probe = folder / ".writable"
    write_atomically(probe, b"")
    probe.unlink(missing_ok=True)
