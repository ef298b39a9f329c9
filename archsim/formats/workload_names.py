"""Names of workloads: those of their files, on every system."""

import re

from archsim.formats.errors import InputError

_DEVICE = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\.|$)")  # no file's name on Windows


def suggested(stem: str) -> str:
    """The name of a workload that a file's own name suggests."""
    plain = re.sub(r"[^A-Za-z0-9_. +-]", "_", stem.replace("-", "_"))[:90].rstrip(" .")
    legal = re.match("[A-Za-z0-9]", plain) and not _DEVICE.match(plain)
    return plain if legal else f"net_{plain}"


def checked(name: str) -> str:
    """The name itself.

    Raises:
        InputError: no file may have it, or a folder of results.
    """
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_. +-]{0,99}", name) or name[-1] in " .":
        raise InputError.at(
            "--name", f"{name!r:.120}: a letter or digit is needed, then at most 99 letters, "
            "digits, spaces and . _ + -, neither a space nor a dot last"
        )  # fmt: skip
    if _DEVICE.match(name):
        raise InputError.at("--name", f"{name!r}: on some systems this is a device; name another")
    return name
