"""A page of the documentation, followed step by step in an empty folder.

A block ``console`` holds commands behind "$ " and what they print; ``python`` is run, and ``text``
after it is what it prints. A block below a line that ends with a name, "`my_net.py`:", is a file of
that name. In what is printed "..." stands for anything: alone on its line for any number of lines.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import runpy
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import archsim.cli.main
import sdalgo.cli.main

ROOT = Path(__file__).parents[2]
PROGRAMS = {"archsim": archsim.cli.main.main, "sdalgo": sdalgo.cli.main.main}
LEFT_OUT = {"git", "cd", ".", "make"}
"""Commands that bring the reader to where the test already is."""
BLOCK = re.compile(r"^```(console|python|text|yaml)\n(.*?)^```", re.MULTILINE | re.DOTALL)
NAMED = re.compile(r"`([\w./]+)`:\s*\Z")
NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")


@dataclass(frozen=True)
class Step:
    """One block of a page: its kind, text, and the name of the file that it is, if it is one."""

    kind: str
    text: str
    file: str | None


def steps(page: Path) -> list[Step]:
    """The blocks of a page, in order."""
    text = page.read_text(encoding="utf-8")
    found = []
    for match in BLOCK.finditer(text):
        named = NAMED.search(text[: match.start()])
        found.append(Step(match[1], match[2], named[1] if named else None))
    return found


def follow(page: Path, tolerance: float = 0.0) -> int:
    """Do what a page says, in the working directory. Returns how many outputs were compared.

    `tolerance` is by how much a printed number may differ, as a share of it.
    """
    compared, printed, names = 0, "", {"__name__": "__main__"}
    for step in steps(page):
        if step.file is not None:
            Path(step.file).parent.mkdir(parents=True, exist_ok=True)
            Path(step.file).write_text(step.text, encoding="utf-8")
        elif step.kind == "python":
            with contextlib.redirect_stdout(io.StringIO()) as out:
                exec(compile(step.text, str(page), "exec"), names)
            printed = out.getvalue()
        elif step.kind == "text":
            check(step.text, printed, tolerance)
            compared += 1
        elif step.kind == "console":
            compared += _console(step.text, tolerance)
    return compared


def _console(text: str, tolerance: float) -> int:
    """Type the commands of a block, and compare what they print."""
    compared = 0
    for part in re.split(r"^\$ ", text.replace("\\\n", " "), flags=re.MULTILINE)[1:]:
        command, _, shown = part.partition("\n")
        words = shlex.split(command, comments=True)
        if words[0] in LEFT_OUT:
            continue
        status, printed = _run(words, command)
        refused = any(shown.startswith(f"{program}: ") for program in PROGRAMS)
        assert status == (2 if refused else 0), f"{command}: status {status}\n{printed}"
        if shown.strip():
            check(shown, printed, tolerance)
            compared += 1
    return compared


def _run(words: list[str], command: str) -> tuple[int, str]:
    """The status of a command, and all that it printed."""
    if words[0] == "export":
        name, _, value = words[1].partition("=")
        os.environ[name] = os.path.expandvars(value)
        return 0, ""
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(out):
        if words[0] in PROGRAMS:
            status = PROGRAMS[words[0]](words[1:])
        elif words[0] == "python":
            runpy.run_path(words[1], run_name="__main__")
            status = 0
        else:
            done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
            status = done.returncode
            sys.stdout.write(done.stdout + done.stderr)
    return status, out.getvalue()


def check(shown: str, printed: str, tolerance: float = 0.0) -> None:
    """AssertionError if what was printed is not what the page shows."""
    pattern = "".join(_line(line) for line in shown.strip().splitlines(keepends=True))
    found = re.fullmatch(rf"\n*{pattern}\n*", f"{_plain(printed)}\n")
    assert found, f"shown:\n{shown}\nprinted:\n{printed}"
    numbers = NUMBER.findall(_plain(shown).replace("...", ""))
    for one, other in zip(numbers, found.groups(), strict=True):
        was, now = (float(text.replace(",", "")) for text in (one, other))
        assert abs(was - now) <= tolerance * abs(was), f"shown {one}, printed {other}:\n{printed}"


def _line(line: str) -> str:
    """The pattern of a shown line; each number is a group."""
    plain = _plain(line)
    if plain == "...":
        return r"(?:.*\n)*?"
    parts = [re.escape(part).replace(r"\.\.\.", ".*") for part in NUMBER.split(plain)]
    return f"({NUMBER.pattern})".join(parts) + r"\n"


def _plain(text: str) -> str:
    """The text with one space for several: the width of a column is no promise."""
    lines = [re.sub(r"[ \t]+", " ", line).strip() for line in text.strip().splitlines()]
    return "\n".join(lines)
