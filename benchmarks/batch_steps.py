"""What a batch costs, and what its coarser steps move.

    python -m benchmarks.batch_steps [WORKLOAD ...]

For each machine and batch: processor seconds of a simulation whose tile tables are known, and the
cycles beside those of steps as fine as the table allows, four times as many a layer and none that
stands for several.
"""

import argparse
import time
from collections.abc import Iterator
from contextlib import contextmanager

import archsim
from archsim.machines.shared.tables import tables_of
from archsim.runs.simulation import timed
from archsim.timing import entries, queueing
from benchmarks.same_results import FIVE

BATCHES = (1, 2, 16, 256)
FINEST = 16
"""The largest batch that is also run in fine steps: beyond it they take minutes."""
UNBOUNDED = 10**9


@contextmanager
def fine_steps() -> Iterator[None]:
    """Steps of at most a 384th of a layer, however many there are."""
    names = ("STEPS_OF_BATCH", "MAX_STEPS", "MAX_TRANSFERS")
    before = {name: getattr(queueing, name) for name in names}
    wanted, visits = queueing.STEPS_PER_LAYER, entries.MAX_VISITS
    for name in names:
        setattr(queueing, name, UNBOUNDED)
    queueing.STEPS_PER_LAYER, entries.MAX_VISITS = 4 * wanted, UNBOUNDED
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(queueing, name, value)
        queueing.STEPS_PER_LAYER, entries.MAX_VISITS = wanted, visits


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("workloads", nargs="*", default=["resnet50_sd", "mobilenet_v2_sd"])
    for name in parser.parse_args().workloads:
        for machine in FIVE:
            arch = archsim.load_arch(machine)
            for batch in BATCHES:
                workload = archsim.load_workload(name, batch=batch)
                tables = tables_of(arch, workload, None)
                began = time.process_time()
                cycles = timed(arch, workload, tables).cycles
                seconds = time.process_time() - began
                moved = ""
                if batch <= FINEST:
                    with fine_steps():
                        moved = f"{cycles / timed(arch, workload, tables).cycles - 1:+.2%}"
                print(f"{name:16} {machine:14} {batch:4} {seconds:5.2f} s {moved}", flush=True)


if __name__ == "__main__":
    main()
