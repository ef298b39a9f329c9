"""Commands that write, on inputs so small that they can be run hundreds of times.

A command runs in a child that is forked when everything it needs is imported, with a folder of its
own as working directory, cache included. Its files are compared by what they hold.
"""

import csv
import hashlib
import importlib
import os
import pickle
import re
import shutil
import signal
import sys
import time
import traceback
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import folder_contents
import numpy as np
import tiny_networks
from made_data import write_config, write_set
from safetensors.numpy import save_file

from archsim.formats.sealed import unsealed

HISTORY, SAID, MODULES = "history", "said", "modules"
TEMPORARY = re.compile(r"\.archsim-.*\.tmp")


@dataclass(frozen=True)
class Command:
    """`program` is archsim or sdalgo; {inputs} in a word is the folder of `write_inputs`."""

    program: str
    words: tuple[str, ...]
    again: tuple[str, ...] = ()
    """What ends with the same files in less time, where there is such a command."""

    @property
    def repeated(self):
        """The command that is run after this one was killed."""
        return Command(self.program, self.again or self.words)

    def with_words(self, line):
        """The command with more words."""
        return Command(self.program, (*self.words, *line.split()))

    def main(self, inputs):
        """Run it in this process and folder; its exit status."""
        (_draw_blanks if self.program == "archsim" else _build_less)()
        found = importlib.import_module(f"{self.program}.cli.main")
        return found.main([word.format(inputs=inputs) for word in self.words])


def _command(program, line, again=""):
    return Command(program, tuple(line.split()), tuple(again.split()))


def _draw_blanks():
    """Have figures show nothing: what they show takes longer than all the rest."""
    from matplotlib.figure import Figure

    from archsim.analysis.figures import comparison, plots

    comparison.save = lambda drawn: plots.save(dict.fromkeys(drawn, Figure))


def _build_less():
    """Have the network of `sdalgo build tiny_sd` be of three layers."""
    from torch import nn

    from sdalgo.networks import tiny

    tiny.INPUT = (3, 8, 8)
    tiny.build = lambda: nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 6, 3))


_TWO = "-a diannao -a scnn"
_BOTH = f"compare -w {{inputs}}/tiny.yaml -w {{inputs}}/other.yaml {_TWO} --no-figures --jobs"
COMMANDS = {
    "decompose": _command("sdalgo", "decompose {inputs}/w.safetensors -o w.sd --quiet"),
    "decode": _command("sdalgo", "decode {inputs}/w.sd -o w.safetensors"),
    "compare": _command("archsim", f"{_BOTH} 1"),
    "run": _command("archsim", f"run -w {{inputs}}/tiny.yaml {_TWO} --jobs 1"),
    "plot": _command("archsim", "plot {inputs}/results --out drawn"),
    "paper table2": _command("archsim", "paper table2 --jobs 1"),
    "build": _command("sdalgo", "build tiny_sd --out built --quiet"),
    "train": _command("sdalgo", "train {inputs}/made.yaml --out runs --quiet"),
    "compare --jobs 2": _command("archsim", f"{_BOTH} 2", f"{_BOTH} 1"),
}


def write_inputs(folder):
    """Write what the commands read into a new folder, and import what takes long to import."""
    _import()
    folder.mkdir()
    layers = [
        tiny_networks.conv("a", [], (3, 8), (6, 6)),
        tiny_networks.linear("b", ["a"], (128, 10)),
    ]
    for seed, name in enumerate(("tiny", "other")):
        tiny_networks.write(folder, layers, name=name, seed=seed)
    weight = np.random.default_rng(0).normal(0, 0.1, (24, 12, 3, 3)).astype(np.float32)
    save_file({"conv.weight": weight}, folder / "w.safetensors")
    data = {"kind": "idx", "folder": str(write_set(folder / "data", 60, 20))}
    write_config(
        folder, arms=["SD"], batch=9,
        data=data | {"train": 30, "test": 10},
        pretrain={"epochs": 0, "lr": 0.05}, train={"epochs": 1, "lr": 0.05},
        switch={"theta_g": 0.0, "theta_c": 1},
    )  # fmt: skip
    made = ["decompose {inputs}/w.safetensors -o {inputs}/w.sd --quiet"]
    assert ended(forked(_command("sdalgo", made[0]), folder, folder)) == 0, said(folder)
    made = f"run -w {{inputs}}/tiny.yaml {_TWO} --jobs 1 --out {{inputs}}/results --no-figures"
    assert ended(forked(_command("archsim", made), folder, folder)) == 0, said(folder)
    return folder


def _import():
    """Import torch and what it imports when it is first used, images and figures."""
    import matplotlib.backends.backend_agg
    import matplotlib.backends.backend_svg
    import skimage.data
    import torch

    with torch.device("meta"):
        layer = torch.nn.Conv2d(1, 1, 1)
    torch.optim.SGD(layer.parameters(), lr=0.1)
    assert matplotlib.backends
    assert skimage.data


def forked(command, inputs, folder, before=lambda: None, *, group=False):
    """The number of a child that runs a command in `folder`; what it says goes to a file beside it.

    `before` is called in the child first. With `group` it leads a process group of its own.
    """
    folder.mkdir(parents=True, exist_ok=True)
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        if group:
            os.setpgid(0, 0)
        descriptor = os.open(_beside(folder, SAID), os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(descriptor, 1)
        os.dup2(descriptor, 2)
        sys.stdout, sys.stderr = (os.fdopen(n, "w", closefd=False) for n in (1, 2))
        os.chdir(folder)
        os.environ.pop("ARCHSIM_CACHE", None)
        if command.program == "sdalgo":
            importlib.import_module("torch").set_num_threads(1)  # its pool does not outlive a fork
        before()
        status = command.main(inputs)
    except BaseException:
        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            with suppress(Exception):
                stream.flush()
        os._exit(status)


def ended(child, seconds=120):
    """The exit status of a child; minus the signal that ended it."""
    deadline = time.monotonic() + seconds
    while (found := os.waitpid(child, os.WNOHANG))[0] == 0:
        if time.monotonic() > deadline:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            raise AssertionError(f"more than {seconds} s")
        time.sleep(0.002)
    return os.waitstatus_to_exitcode(found[1])


def said(folder):
    """What the command that ran last in a folder printed."""
    return _beside(folder, SAID).read_text()


def _beside(folder, what):
    return folder.with_name(f"{folder.name}.{what}")


@dataclass(frozen=True)
class Undisturbed:
    """What a command leaves when nothing happens to it: what each file ever held under its name,
    and what all hold in the end."""

    history: dict[str, set[str]]
    end: dict[str, str]


def emptied(folder):
    """Remove what is in a folder, which may be a disk of its own."""
    for path in folder.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def undisturbed(command, inputs, folder):
    """Run a command that nothing happens to, and import here what it imported there."""
    seen = _beside(folder, HISTORY)
    shutil.rmtree(seen, ignore_errors=True)
    seen.mkdir()
    begin = held(folder)

    def watched():
        replace, names = os.replace, []

        def replaced(source, target):
            replace(source, target)
            copy = seen / str(len(names)) / Path(target).name
            copy.parent.mkdir()
            shutil.copy(target, copy)
            names.append(str(Path(target).absolute().relative_to(folder)))
            (seen / "names").write_bytes(pickle.dumps((names, sorted(sys.modules))))

        os.replace = replaced

    assert ended(forked(command, inputs, folder, watched)) == 0, said(folder)
    names, modules = pickle.loads((seen / "names").read_bytes())
    for module in modules:
        with suppress(Exception):
            importlib.import_module(module)
    end = held(folder)
    history = {name: {each[name] for each in (begin, end) if name in each} for name in begin | end}
    for number, name in enumerate(names):
        copy = seen / str(number) / Path(name).name
        history.setdefault(name, set()).add(_digest(copy))
    shutil.rmtree(seen)
    return Undisturbed(history, end)


def held(folder):
    """A digest of what each file holds, by name; not of temporary files."""
    return {
        str(path.relative_to(folder)): _digest(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not TEMPORARY.fullmatch(path.name)
    }


def half_written(folder, whole):
    """Files whose content is none that they had at any time of an undisturbed run. A summary may be
    of fewer results, where a command that was interrupted has put away what was finished."""
    found = held(folder)
    other = [name for name, digest in found.items() if digest not in whole.history.get(name, ())]
    return [name for name in other if not _of_fewer_results(folder / name)]


def _of_fewer_results(path):
    if path.name.startswith("index-"):
        return bool(unsealed(path.read_bytes()))
    text = path.read_text() if path.name == "summary.csv" else ""
    widths = {len(row) for row in csv.reader(text.splitlines())}
    return text.endswith("\n") and len(widths) == 1


def _digest(path):
    try:
        content = repr(folder_contents.content(path))
    except Exception as error:
        content = f"unreadable: {error!r}"
    return hashlib.blake2b(content.encode(), digest_size=16).hexdigest()
