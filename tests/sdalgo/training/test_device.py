"""Training on a device: the same code path, and nothing of SD-T that the host has to wait for."""

import json

import pytest
import torch
from made_data import write_config
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

import sdalgo.cli.main
from archsim.formats.errors import InputError
from sdalgo.training import bucket
from sdalgo.training.bucket import AS_RELEASED, Rule
from sdalgo.training.checkpoint import LOG
from sdalgo.training.config import load_experiment
from sdalgo.training.convert import Form, decomposed_weights, to_decomposed
from sdalgo.training.dataset import read_samples
from sdalgo.training.experiment import Runner
from sdalgo.training.switching import BucketSwitch

ARMS = [
    "VA",
    "SD",
    {"name": "added", "method": "switch", "switch": {"signal": "accumulate"}},
    {"name": "RT", "method": "components", "components": ["DE", "Q2", "US", "SS", "RT"],
     "theta": 0.02},
]  # fmt: skip
RULES = [Rule(), AS_RELEASED, Rule(signal="accumulate"), Rule(relative="rms", theta_g=2.0)]


def trained(folder, device):
    path = write_config(folder, arms=["VA", "SD"],
                        train={"epochs": 2, "lr": 0.01, "swa_start": 1})  # fmt: skip
    command = ["train", str(path), "--out", str(folder / device), "--device", device, "--quiet"]
    return sdalgo.cli.main.main(command)


def test_the_cpu_by_name_is_the_cpu_without_one(tmp_path):
    assert trained(tmp_path, "cpu") == 0
    Runner(load_experiment(tmp_path / "made.yaml"), tmp_path / "named").run()
    for name in ("pretrain-0", "VA-0", "SD-0"):
        logs = [(each / name / LOG).read_bytes()
                for each in (tmp_path / "cpu" / "made", tmp_path / "named")]  # fmt: skip
        assert logs[0] == logs[1]


def test_a_device_that_is_not_there_is_refused(tmp_path, capsys):
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    assert trained(tmp_path, "cuda") == 2
    assert "--device cuda: torch finds no GPU here" in capsys.readouterr().err


def losses(folder, **changes):
    """Of the first epoch of each run, by arm, and what the whole experiment came to."""
    path = write_config(folder, arms=ARMS, train={"epochs": 1, "lr": 0.01}, **changes)
    whole = Runner(load_experiment(path), folder / "out").run()
    logs = {row["arm"]: folder / "out" / f"{row['arm']}-0" / LOG for row in whole["arms"]}
    return {arm: json.loads(log.read_text().splitlines()[1])["train_loss"]
            for arm, log in logs.items()}  # fmt: skip


@pytest.mark.slow
def test_how_a_step_is_computed_changes_last_bits_alone(tmp_path):
    plain = losses(tmp_path / "plain")
    for key, value, apart in (
        ("memory_format", "channels_last", 5e-3),
        ("autocast", "bfloat16", 0.1),
    ):
        found = losses(tmp_path / key, **{key: value})
        assert found != plain
        assert found == pytest.approx(plain, rel=apart), key


def test_images_lie_as_asked(tmp_path):
    data = {"kind": "idx", "folder": str(tmp_path / "data"), "size": 32}
    path = write_config(
        tmp_path, memory_format="channels_last", network="resnet20_cifar", data=data
    )
    train, _ = read_samples(load_experiment(path))
    x, _ = next(train.in_order())
    assert x.is_contiguous(memory_format=torch.channels_last)


def test_a_text_has_no_channels(tmp_path):
    text = tmp_path / "text"
    text.mkdir()
    (text / "a.txt").write_text("one word after another. " * 40)
    path = write_config(tmp_path, memory_format="channels_last", network="char_lstm_256",
                        data={"kind": "text", "folder": str(text), "size": 20})  # fmt: skip
    with pytest.raises(InputError, match="memory_format: channels_last is of images"):
        read_samples(load_experiment(path))


def test_a_weight_is_rebuilt_exactly_whatever_uses_it():
    torch.manual_seed(0)
    model = to_decomposed(nn.Sequential(nn.Linear(60, 20)), Form(theta=0.05))
    exact = model[0].weight
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(model[0].weight, exact)
        assert model(torch.randn(4, 60)).dtype == torch.bfloat16


class Waiting(TorchDispatchMode):
    """Collects the operations that hand a number, or a tensor's bytes, to the host."""

    def __init__(self):
        super().__init__()
        self.found = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func.overloadpacket.__name__
        if name in {"_local_scalar_dense", "_to_cpu", "nonzero", "item", "equal"}:
            self.found.append(name)
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("rule", RULES, ids=["literal", "released", "accumulate", "rms"])
def test_a_step_of_the_codes_never_waits_for_the_device(rule, monkeypatch):
    monkeypatch.setattr(bucket, "on_cpu", lambda _tensor: False)
    torch.manual_seed(0)
    model = to_decomposed(nn.Sequential(nn.Linear(60, 20)), Form(theta=0.05))
    optimiser = BucketSwitch(decomposed_weights(model), rule)
    with Waiting() as waited:
        for _ in range(3):
            model(torch.randn(4, 60)).square().sum().backward()
            changed = optimiser.step(0.1)
    assert waited.found == []
    with waited:
        assert int(changed) >= 0
    assert waited.found == ["_local_scalar_dense"]


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="torch finds no GPU here")
def test_a_gpu_ends_near_the_cpu(tmp_path):
    """Rounding and random bits differ, samples and their order do not."""
    assert trained(tmp_path, "cuda") == 0
    runs = {}
    for device in ("cpu", "cuda"):
        again = tmp_path / f"again-{device}"
        runs[device] = Runner(load_experiment(tmp_path / "made.yaml"), again, device=device).run()
    for row, other in zip(*(runs[device]["arms"] for device in runs), strict=True):
        assert row["arm"] == other["arm"]
        assert abs(row["test_accuracy"] - other["test_accuracy"]) < 0.15
