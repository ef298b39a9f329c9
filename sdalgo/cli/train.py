"""`sdalgo train`: re-training, SD-T, and the experiments that compare them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sdalgo.cli import console


def train(  # noqa: PLR0913, PLR0917  (one parameter an option)
    config: Annotated[Path, typer.Argument(help="A training file (docs/training.md).")],
    data: Annotated[Path | None, typer.Option(help="Folder of the data, not the file's.")] = None,
    out: Annotated[Path, typer.Option(help="Folder of the runs.")] = Path("results/training"),
    seed: Annotated[list[int] | None, typer.Option(help="Seeds instead of the file's.")] = None,
    arm: Annotated[list[str] | None, typer.Option(help="Only these arms of the file.")] = None,
    threads: Annotated[int, typer.Option(min=1, help="Results depend on it in last bits.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress bar.")] = False,
) -> None:
    """Train the arms of a file for each seed, and print mean and spread.

    A run that was stopped goes on from its last epoch; what is finished is not done again.

    \b
    Examples:
      sdalgo train sdalgo/training/configs/fashion_mlp_fine_tuning.yaml
      sdalgo train my.yaml --data ~/fashion-mnist --seed 0 --seed 1 --arm SD --json
    """
    import torch

    from sdalgo.training.config import load_experiment, narrowed
    from sdalgo.training.experiment import Runner
    from sdalgo.training.summary import HEADS, table_rows

    torch.set_num_threads(threads)
    experiment = narrowed(load_experiment(config), data, seed, arm)
    folder = out / experiment.name
    told = None if quiet or as_json else console.note
    with console.progress("training", quiet=quiet or as_json) as progress:
        whole = Runner(experiment, folder, progress, told).run()
    if as_json:
        console.say_json(whole)
        return
    console.table(f"{experiment.name}, seeds {list(experiment.seeds)}", HEADS, table_rows(whole))
    console.say(f"{folder / 'summary.json'}: all runs, with their logs beside it")
