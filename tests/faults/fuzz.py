"""Readers on files that somebody broke, for a while: ``python tests/faults/fuzz.py --seconds 60``.

One module per format in `fuzzed/`, found by listing. A module has

    SUFFIX              of its files
    seeds()             a few small valid files, as bytes
    mutate(rng, seed)   one of them with something wrong, as bytes; rng is a random.Random
    check(path)         runs the reader on a file, in this process
    PLACES              where it is there: suffixes of the files that a problem may be found in
    EXAMPLES            where it is there: files per run of `make test`, for a format that is slow

`check` may return, or raise an InputError whose text names the file, or a place in a file with one
of these suffixes. Anything else is a failure: a different exception, more than `SECONDS`, or memory
beyond what a file may become (archsim.formats.unpacked). Failing files are written to a folder,
where they can be tried again: ``python tests/faults/fuzz.py --again FOLDER/sd-123.sd``. A crash of
the interpreter leaves the file that caused it there as ``running.*``.
"""

import argparse
import faulthandler
import importlib
import random
import re
import resource
import signal
import sys
import time
import traceback
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path

HERE = Path(__file__).parent
SECONDS = 30
"""Of this process; ten times as many by the clock, of which other processes have their share."""
TIMERS = {signal.ITIMER_PROF: signal.SIGPROF, signal.ITIMER_REAL: signal.SIGALRM}
BESIDE_MB = 600  # what a reader, or a run of a layer, needs beside what the file may become
ADDRESS_SPACE = 12 * 2**30  # beyond what the process had: keeps the computer alive
FORMATS = sorted(path.stem for path in (HERE / "fuzzed").glob("[a-z]*.py"))


class Late(BaseException):
    """A reader took longer than `SECONDS`."""


def module_of(name):
    """The module of a format."""
    for folder in (HERE, HERE.parent / "shared"):
        if str(folder) not in sys.path:
            sys.path.insert(0, str(folder))
    return importlib.import_module(f"fuzzed.{name}")


def failure(module, path):
    """What is wrong with how `path` was read; None where nothing is."""
    from archsim.formats.errors import InputError
    from archsim.formats.unpacked import most_bytes

    before = _peak_mb()
    previous = [signal.signal(number, _late) for number in TIMERS.values()]
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    signal.setitimer(signal.ITIMER_REAL, 10 * SECONDS)
    try:
        with redirect_stdout(StringIO()), redirect_stderr(StringIO()):
            module.check(path)
    except InputError as error:
        if not _placed(module, path, error):
            return f"no place is named: {error!s:.300}"
    except Late:
        return f"more than {SECONDS} s"
    except BaseException:
        return traceback.format_exc(limit=-6)
    finally:
        for (timer, number), handler in zip(TIMERS.items(), previous, strict=True):
            signal.setitimer(timer, 0)
            signal.signal(number, handler)
    grown, size = _peak_mb() - before, path.stat().st_size
    most = BESIDE_MB + most_bytes(size) / 2**20
    return f"{grown:.0f} MB for {size:,} bytes" if grown > most else None


def _placed(module, path, error):
    suffixes = getattr(module, "PLACES", None)
    if suffixes is None:
        return path.name in str(error)
    return all(
        Path(re.split("[:,]", problem.place)[0]).suffix in suffixes and problem.message
        for problem in error.problems
    )


def failures(name, seed, folder, examples=None, seconds=None):
    """Files that are read wrongly and how, of so many examples or for so long.

    Yields:
        (number of the example, path of the file, what is wrong), and (number, None, None) for each
        file that is read as it should be.
    """
    module = module_of(name)
    seeds = module.seeds()
    until = None if seconds is None else time.monotonic() + seconds
    number = 0
    while (examples is None or number < examples) and (until is None or time.monotonic() < until):
        rng = random.Random(f"{name} {seed} {number}")
        path = folder / f"running{module.SUFFIX}"
        path.write_bytes(module.mutate(rng, rng.choice(seeds)))
        wrong = failure(module, path)
        if wrong:
            path = path.rename(folder / f"{name}-{seed}-{number}{module.SUFFIX}")
            yield number, path, wrong
        else:
            yield number, None, None
        number += 1


def main(arguments=None):
    """Run one format, or all in turn, each for its share of the time; 1 where any file failed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=3600.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--format", choices=FORMATS, action="append")
    parser.add_argument("--out", type=Path, default=Path("build/fuzz"))
    parser.add_argument("--again", type=Path, metavar="FILE", help="Read one failing file again.")
    asked = parser.parse_args(arguments)
    faulthandler.enable()
    if asked.again:
        wrong = failure(module_of(asked.again.name.split("-")[0]), asked.again)
        print(wrong or "read as it should be")
        return int(bool(wrong))
    asked.out.mkdir(parents=True, exist_ok=True)
    names = asked.format or FORMATS
    for name in names:
        module_of(name)
    _bound_memory()
    bad = 0
    for name in names:
        tried = wrong = 0
        share = asked.seconds / len(names)
        for _, path, what in failures(name, asked.seed, asked.out, seconds=share):
            tried += 1
            if what:
                wrong += 1
                print(f"{path}: {what}", flush=True)
        print(f"{name}: {tried:,} files, {wrong} read wrongly", flush=True)
        bad += wrong
    return int(bool(bad))


def _bound_memory():
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * resource.getpagesize() + ADDRESS_SPACE
    resource.setrlimit(resource.RLIMIT_AS, (most, resource.getrlimit(resource.RLIMIT_AS)[1]))


def _peak_mb():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _late(*_):
    raise Late


if __name__ == "__main__":
    sys.exit(main())
