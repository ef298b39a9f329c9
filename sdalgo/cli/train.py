"""`sdalgo train`: re-training, SD-T, and the experiments that compare them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from archsim.formats import console, own_files, unpacked
from archsim.formats.progress import Progress, bar
from archsim.formats.record import MAX_SEED

if TYPE_CHECKING:
    from sdalgo.training.config import Experiment


def train(  # noqa: PLR0913, PLR0917  (one parameter an option)
    config: Annotated[Path, typer.Argument(help="A training file, or a shipped one's name.")],
    data: Annotated[
        Path | None, typer.Option(help="Folder or file of the data, not the file's.")
    ] = None,
    weights: Annotated[
        Path | None, typer.Option(help="Trained weights to start from, instead of the file's.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder of the runs.")] = Path("results/training"),
    seed: Annotated[
        list[int] | None, typer.Option(min=0, max=MAX_SEED, help="Instead of the file's.")
    ] = None,
    arm: Annotated[list[str] | None, typer.Option(help="Only these arms of the file.")] = None,
    threads: Annotated[
        int, typer.Option(min=1, max=1024, help="Results depend on it in last bits.")
    ] = 1,
    device: Annotated[
        Literal["cpu", "cuda"], typer.Option(help="Where to train; last bits depend on it.")
    ] = "cpu",
    capture: Annotated[
        Path | None, typer.Option(help="Folder for a training workload of each run of SD-T.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress bar.")] = False,
    max_gb: unpacked.MaxGb = None,
    force: own_files.Force = False,
) -> None:
    """Train the arms of a file for each seed: mean and spread, and accuracy over the epochs.

    A run that was stopped goes on from its last epoch; what is finished is not done again. `sdalgo
    list trainings` names the shipped files, docs/reference/training.md says what stands in one.

    \b
    Examples:
      sdalgo train fashion_mlp_fine_tuning
      sdalgo train my.yaml --data ~/fashion-mnist --seed 0 --seed 1 --arm SD --json
      sdalgo train my.yaml --seed 0 --arm SD --capture workloads
    """
    import torch

    from sdalgo.training.config import load_experiment, narrowed
    from sdalgo.training.experiment import SUMMARY, SUMMARY_MARK, Runner
    from sdalgo.training.summary import table

    unpacked.allow(max_gb)
    own_files.force(force)
    torch.set_num_threads(threads)
    experiment = narrowed(load_experiment(config), data, seed, arm, weights)
    folder = out / experiment.name
    own_files.claim(folder / SUMMARY, SUMMARY_MARK)
    told = None if quiet or as_json else console.note
    with bar("training", quiet=quiet or as_json) as progress:
        whole = Runner(experiment, folder, _counted(progress, experiment), told, device).run()
    drawn = _figures(experiment, folder)
    captured = _captured(experiment, folder, capture) if capture else []
    if as_json:
        console.say_json(whole)
        return
    console.show(console.Table(f"{experiment.name}, seeds {list(experiment.seeds)}", *table(whole)))
    beside = ", ".join(["the logs", *(path.name for path in drawn)])
    console.say(f"{folder / SUMMARY}: all runs; beside it {beside}")
    for path in captured:
        console.say(f"{path}: a step of SD-T, for archsim")


def _counted(progress: Progress, experiment: Experiment) -> Progress:
    """Say beside a run's name which one of all it is."""
    from sdalgo.training.config import PRETRAINING

    starts = (PRETRAINING, *(arm.name for arm in experiment.arms))
    names = [f"{start}-{seed}" for seed in experiment.seeds for start in starts]
    number = {name: f"{name} ({i} of {len(names)})" for i, name in enumerate(names, 1)}
    return lambda done, total, name: progress(done, total, number[name])


def _captured(experiment: Experiment, runs: Path, folder: Path) -> list[Path]:
    from sdalgo.training.run_capture import capture_runs

    return [built.yaml for built in capture_runs(experiment, runs, folder)]


def _figures(experiment: Experiment, folder: Path) -> list[Path]:
    """Accuracy and loss over the epochs; without matplotlib a note and nothing."""
    from importlib.util import find_spec

    from sdalgo.training.convergence import draw

    if find_spec("matplotlib") is None:
        console.note("no figures: matplotlib is missing; pip install 'archsim[plot]' brings it")
        return []
    return draw(experiment, folder)
