"""Small commands that are killed, and what is wrong with what they leave."""

import os
import signal
import time
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from crash_points import kill_after
from small_commands import COMMANDS, emptied, ended, forked, half_written, held, said, undisturbed

PATIENCE_SECONDS = 5.0
ENDINGS = [
    (number, group) for number in (signal.SIGKILL, signal.SIGTERM) for group in (False, True)
]
"""A signal, and whether all processes of the command get it or the first alone."""
TOLD = "interrupted; what was finished is kept"


@dataclass(frozen=True)
class Verdict:
    """Of one kill. `hit` is whether it came before the end; the rest are faults: files that are
    half written, those that a second run leaves other than an undisturbed one does, and processes
    that are still there; `told` is what a command said that ended otherwise than it should."""

    hit: bool
    half: list[str] = field(default_factory=list)
    different: list[str] = field(default_factory=list)
    left: int = 0
    told: str = ""

    @property
    def faults(self):
        return [
            *self.half,
            *self.different,
            *["a process is left"] * self.left,
            *filter(None, [self.told]),
        ]


class Trial:
    """A command in a folder that is made anew for each kill, and what it leaves undisturbed."""

    def __init__(self, name, inputs, folder):
        self.command, self.inputs, self.folder = COMMANDS[name], inputs, folder
        self.whole = undisturbed(self.command, inputs, folder)
        emptied(folder)
        begin = time.monotonic()
        assert ended(self._forked()) == 0
        self.seconds = time.monotonic() - begin
        assert held(folder) == self.whole.end
        emptied(folder)

    def after_call(self, count):
        """The verdict on a kill after so many calls that change a folder; None where the command
        makes fewer."""
        status = ended(self._forked(partial(kill_after, count)))
        if status == 0:
            emptied(self.folder)
            return None
        assert status == -signal.SIGKILL, said(self.folder)
        return self._verdict(hit=True)

    def at(self, seconds, number, group):
        """The verdict on a signal after so many seconds."""
        child = self._forked(group=True)
        with suppress(OSError):  # it may have done so itself, or be gone
            os.setpgid(child, child)
        time.sleep(seconds)
        with suppress(ProcessLookupError):
            (os.killpg if group else os.kill)(child, number)
        status = ended(child)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while (left := members(child)) and time.monotonic() < deadline:
            time.sleep(0.01)
        for process in left:
            os.kill(process, signal.SIGKILL)
        text = said(self.folder)
        right = status in {0, -number} or (status == 2 and text.strip().endswith(TOLD))
        told = "" if right else f"status {status}: {text}"
        return self._verdict(hit=status != 0, left=len(left), told=told)

    def _forked(self, before=lambda: None, *, group=False):
        return forked(self.command, self.inputs, self.folder, before, group=group)

    def _verdict(self, **known):
        """Run the command again, to its end."""
        half = half_written(self.folder, self.whole)
        status = ended(forked(self.command.repeated, self.inputs, self.folder))
        end, right = held(self.folder), self.whole.end
        names = sorted(end.keys() | right.keys())
        different = [name for name in names if end.get(name) != right.get(name)]
        if status:
            different.append(f"status {status}: {said(self.folder)}")
        emptied(self.folder)
        return Verdict(half=half, different=different, **known)


def members(group):
    """The processes of a group that have not ended."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, _, its_group = stat.read_text().rpartition(")")[2].split()[:3]
            if int(its_group) == group and state not in "ZX":
                found.append(int(stat.parent.name))
    return found
