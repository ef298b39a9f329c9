"""Commands on a disk that is full, at the start or half way, and in a memory that is too small.

The oracle is the same command with room. A small disk of its own (tmpfs) holds what an earlier
command wrote, and a file of ballast that leaves a share of what the command needs; only root may
mount one.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import tiny_networks
from slow_cases import slow_where
from small_commands import (
    COMMANDS,
    TEMPORARY,
    emptied,
    ended,
    forked,
    half_written,
    held,
    said,
    undisturbed,
    write_inputs,
)

from archsim.results.store import read_result

DISK_BYTES = 4 * 2**20
PAGE_BYTES = os.sysconf("SC_PAGESIZE")
SHARES = (0, 10, 50, 90)
FULL = "No space left on device"
BALLAST = "ballast"
EARLIER = {
    "run": "--batch 2 --no-figures",
    "compare": "--batch 2",
    "plot": "--normalise-to scnn",
    "build": "--seed 1",
    "decompose": "--density 0.1",
    "decode": "",
    "train": "--seed 7",
}
"""What was added to the command that ran on the disk before."""


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    return write_inputs(tmp_path_factory.mktemp("full") / "inputs")


@pytest.fixture(scope="module")
def disk(tmp_path_factory):
    """A small disk."""
    folder = tmp_path_factory.mktemp("disk")
    words = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(folder)]
    try:
        subprocess.run(words, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"no small disk can be mounted: {getattr(error, 'stderr', error)}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def free_bytes(disk):
    found = os.statvfs(disk)
    return found.f_bavail * found.f_frsize


def leave(disk, nbytes):
    """Fill the disk but for so many bytes."""
    ballast = free_bytes(disk) - nbytes // PAGE_BYTES * PAGE_BYTES
    (disk / BALLAST).write_bytes(bytes(ballast))


@pytest.mark.parametrize("name", slow_where({"train", "compare"}.__contains__, EARLIER))
def test_a_full_disk_is_told_and_what_was_there_stays(name, inputs, disk, tmp_path):
    command = COMMANDS[name]
    emptied(disk)
    earlier = ended(forked(command.with_words(EARLIER[name]), inputs, disk))
    assert earlier == 0, said(disk)
    (disk / "thesis.txt").write_text("of somebody else")
    shutil.copytree(disk, tmp_path / "earlier")
    free = free_bytes(disk)
    whole = undisturbed(command, inputs, disk)
    need = max(0, free - free_bytes(disk))
    for share in SHARES:
        emptied(disk)
        shutil.copytree(tmp_path / "earlier", disk, dirs_exist_ok=True)
        leave(disk, need * share // 100)
        status = ended(forked(command, inputs, disk))
        (disk / BALLAST).unlink()
        check(disk, command.program, status)
        assert half_written(disk, whole) == [], f"{share} %"
        assert held(tmp_path / "earlier").keys() <= held(disk).keys()


# A process of its own: one that has run other tests holds memory that it can use again.
LITTLE_MEMORY = f"""
import resource, sys
from pathlib import Path
from archsim.__main__ import main
asked = ["-a", "bit_pragmatic", "--jobs", "1", "--no-cache", "--no-figures", "--quiet"]
assert main(["run", "-w", "small.yaml", *asked]) == 0  # now everything is imported
pages = int(Path("/proc/self/statm").read_text().split()[0])
most = pages * {PAGE_BYTES} + 4 * 2**20
resource.setrlimit(resource.RLIMIT_AS, (most, resource.getrlimit(resource.RLIMIT_AS)[1]))
sys.exit(main(["run", "-w", "wide.yaml", *asked]))
"""


def test_too_little_memory_is_told_in_a_line(tmp_path):
    """16 MB of weights, which are read whole, where 4 MB are left."""
    for name, width in (("small", 8), ("wide", 4096)):
        tiny_networks.write(tmp_path, [tiny_networks.linear("a", [], (width, width))], name=name)
    code = [sys.executable, "-c", LITTLE_MEMORY]
    done = subprocess.run(code, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("archsim: out of memory")
    assert len(done.stderr.splitlines()) == 1
    for path in filter(Path.is_file, (tmp_path / "results" / "small").iterdir()):
        assert read_result(path)  # what was finished before is whole


def check(disk, program, status):
    """One line that names a file and the reason, and nothing that is not whole."""
    text = said(disk)
    assert status == 2, text
    told = [line for line in text.splitlines() if line.startswith(f"{program}: ")]
    assert len(told) == 1, text
    assert told[0].endswith(f": cannot be written: {FULL}"), text
    assert "Traceback" not in text
    assert not [path for path in disk.rglob("*") if TEMPORARY.fullmatch(path.name)]
