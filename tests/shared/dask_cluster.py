"""A scheduler of dask.distributed and its workers, as processes of their own."""

import json
import os
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]
SECONDS = 30


class Cluster:
    """`address` of the scheduler, and the processes of the workers."""

    def __init__(self, folder):
        self._folder = folder
        self._said = (folder / "dask.log").open("w")
        self._known = folder / "scheduler.json"
        options = ["--port", "0", "--host", "127.0.0.1", "--no-dashboard", "--no-show"]
        self.scheduler = self._start("dask_scheduler", *options)
        end = time.monotonic() + SECONDS
        while not self._known.is_file() or not self._known.read_text().endswith("}"):
            assert time.monotonic() < end, (folder / "dask.log").read_text()
            time.sleep(0.05)
        self.address = json.loads(self._known.read_text())["address"]
        self.workers = []

    def hire(self, *options):
        """Start another worker; one thread, and nobody that would start it again."""
        more = ["--no-nanny", "--nthreads", "1", "--no-dashboard", "--host", "127.0.0.1"]
        self.workers.append(self._start("dask_worker", *more, *options))

    def end(self):
        for process in (*self.workers, self.scheduler):
            process.kill()
            process.wait()
        self._said.close()

    def _start(self, command, *options):
        path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
        return subprocess.Popen(
            [sys.executable, "-m", f"distributed.cli.{command}", "--scheduler-file",
             self._known, *options],
            stdout=self._said, stderr=self._said, cwd=self._folder,
            env={**os.environ, "PYTHONPATH": path},
        )  # fmt: skip


@contextmanager
def cluster(folder, workers=2):
    """A scheduler with so many workers; none of its processes is left at the end."""
    found = Cluster(folder)
    try:
        for _ in range(workers):
            found.hire()
        yield found
    finally:
        found.end()
