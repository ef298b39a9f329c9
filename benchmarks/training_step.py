"""What a step of SD-T costs beside a step of vanilla training: ResNet-20 on noise like CIFAR's.

    python -m benchmarks.training_step --batch 128 --steps 12

Steps of all arms take turns, and processor seconds are counted, which a busy computer changes less
than the clock on the wall; the median of each arm is printed, over vanilla's.
"""

import argparse
import statistics
import time

import torch
from torch import nn

from sdalgo.networks import network
from sdalgo.training.bucket import AS_RELEASED, Rule
from sdalgo.training.convert import Form, to_decomposed
from sdalgo.training.learners import Descent, Learner, Switching

RULES = {"SD": Rule(), "SD_released": AS_RELEASED, "SD_accumulate": Rule(signal="accumulate")}


def learners(name: str) -> dict[str, Learner]:
    """Return one of each arm, from the same weights."""
    found: dict[str, Learner] = {}
    for arm in ("VA", *RULES):
        torch.manual_seed(0)
        model: nn.Module = network(name).build()
        if arm == "VA":
            found[arm] = Learner(model.train(), Descent())
        else:
            found[arm] = Switching(to_decomposed(model, Form()).train(), Descent(), RULES[arm])
    return found


def seconds(learner: Learner, x: torch.Tensor, y: torch.Tensor) -> float:
    """Take one step and return the processor seconds of it."""
    begun = time.process_time()
    nn.functional.cross_entropy(learner.model(x), y).backward()
    learner.update(0.01)
    return time.process_time() - begun


def main() -> None:
    """Time the arms and print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--network", default="resnet20_cifar")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--threads", type=int, default=1)
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    arms = learners(asked.network)
    x = torch.randn(asked.batch, *network(asked.network).INPUT)
    y = torch.arange(asked.batch) % 10
    taken: dict[str, list[float]] = {arm: [] for arm in arms}
    for step in range(asked.steps + 1):
        for arm, learner in arms.items():
            once = seconds(learner, x, y)
            if step:  # the first one allocates
                taken[arm].append(once)
    middle = {arm: statistics.median(each) for arm, each in taken.items()}
    for arm, each in middle.items():
        print(f"{arm:14} {1e3 * each:8.1f} ms/step  {each / middle['VA']:.2f} x VA")


if __name__ == "__main__":
    main()
