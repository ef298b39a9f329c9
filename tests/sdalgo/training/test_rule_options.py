"""Thresholds that follow the signal or the rate, and a classifier that adaptation keeps."""

import numpy as np
import pytest
import torch
from made_data import write_config, write_set
from torch import nn

from archsim.formats.errors import InputError
from sdalgo.training.bucket import Rule
from sdalgo.training.config import load_experiment
from sdalgo.training.convert import Form, decomposed_weights, to_decomposed
from sdalgo.training.dataset import problems, read_samples
from sdalgo.training.experiment import Runner
from sdalgo.training.samples import by_numbered_class
from sdalgo.training.switching import BucketSwitch


def layer(rule, **rates):
    torch.manual_seed(0)
    model = to_decomposed(nn.Sequential(nn.Linear(60, 20)), Form(theta=0.05))
    optimiser = BucketSwitch(decomposed_weights(model), rule, **rates)
    return optimiser, optimiser.layers["0"]


def gradients(held, count, scale=1.0):
    drawn = np.random.default_rng(1).normal(size=(count, *held.code.shape))
    masked = drawn * held.mask.numpy() * np.linspace(1, 3, count)[:, None, None, None]
    return [torch.from_numpy((each * scale).astype(np.float32)) for each in masked]


def test_a_relative_threshold_is_a_multiple_of_the_running_rms():
    """Against numpy in double precision; a signal within a millionth of the threshold is none."""
    optimiser, held = layer(Rule(theta_g=1.5, relative="rms", theta_c=100))
    live, mean, expected = held.mask.numpy().sum(), None, np.zeros(held.code.shape, np.int64)
    for gradient in gradients(held, 6):
        wide = gradient.numpy().astype(np.float64)
        now = (wide**2).sum() / live
        mean = now if mean is None else 0.9 * mean + 0.1 * now
        threshold = 1.5 * mean**0.5
        assert (np.abs(np.abs(wide) - threshold) > 1e-6).all()
        expected -= np.sign(wide).astype(int) * (np.abs(wide) > threshold)
        held.gradient = gradient
        optimiser.step(0.1)
        np.testing.assert_array_equal(held.counter.numpy(), expected)
    assert expected.any()


@pytest.mark.parametrize("signal", ["gradient", "step"])
def test_a_relative_threshold_does_not_see_the_scale_of_the_gradients(signal):
    codes = []
    for scale in (1.0, 2.0**-12):
        optimiser, held = layer(Rule(theta_g=1.0, relative="rms", theta_c=2, signal=signal))
        for gradient in gradients(held, 8, scale):
            held.gradient = gradient
            optimiser.step(0.1)
        codes.append(held.code.clone())
    assert torch.equal(*codes)
    assert not torch.equal(codes[0], layer(Rule())[1].code)


def test_a_state_brings_momentum_and_mean_squares_back():
    rule = Rule(theta_g=1.0, relative="rms", theta_c=2, momentum=0.9)
    through, held = layer(rule)
    drawn = gradients(held, 8)
    for gradient in drawn[:4]:
        held.gradient = gradient
        through.step(0.1)
    resumed, other = layer(rule)
    resumed.load_state_dict(through.state_dict())
    other.load_state_dict(held.state_dict())
    for gradient in drawn[4:]:
        held.gradient, other.gradient = gradient, gradient.clone()
        assert through.step(0.1) == resumed.step(0.1)
    assert torch.equal(held.code, other.code)
    assert torch.equal(held.counter, other.counter)


def test_a_threshold_that_follows_the_rate_is_as_given_at_the_first_one():
    """Gradients of 0.3, at rates of 1, 1/2 and 1/4 of the first: thresholds 0.8, 0.4, 0.2."""
    optimiser, held = layer(Rule(theta_g=0.8, follows_rate=True, theta_c=50), first_rate=0.04)
    counted = []
    for lr in (0.04, 0.02, 0.01):
        held.gradient = -0.3 * held.mask
        optimiser.step(lr)
        counted.append(int(held.counter.max()))
    assert counted == [0, 0, 1]


def kept(folder, **changes):
    data = {"kind": "idx", "folder": str(write_set(folder / "d")), "train": 400}
    return load_experiment(write_config(
        folder, task="adaptation", network="mlp2", rows_pruned={}, data=data, classifier="kept",
        dense=["fc3"], train={"epochs": 2, "lr": 0.05}, **changes,
    ))  # fmt: skip


def test_a_kept_classifier_starts_at_nothing_and_learns(tmp_path):
    """All ten outputs stay, and a network that has seen five classes answers with those alone."""
    result = Runner(kept(tmp_path, arms=["VA", "SD"]), tmp_path / "runs").run()
    assert [run["start_accuracy"] for run in result["runs"]] == [0.0, 0.0]
    assert all(run["test_accuracy"] > 0.3 for run in result["runs"])


def test_numbered_classes_keep_their_labels(tmp_path):
    experiment = kept(tmp_path)
    samples = read_samples(experiment)
    source, target = problems(experiment, samples, 3)
    parts = [set(one.train.labels.tolist()) for one in (source, target)]
    assert parts[0] | parts[1] == set(range(10))
    assert not parts[0] & parts[1]
    assert (source.classes, target.classes) == (10, 10)
    assert set(target.test.labels.tolist()) <= parts[1]
    assert len(source.test) + len(target.test) == len(samples[1])
    with pytest.raises(InputError, match="leaves one part empty"):
        by_numbered_class(*samples, 0.1, 0, 0.01)


def test_a_kept_classifier_is_of_adaptation(tmp_path):
    with pytest.raises(InputError, match="classifier: kept is of adaptation, not of compression"):
        load_experiment(write_config(tmp_path, task="compression", classifier="kept"))


def test_new_keys_at_their_former_meaning_leave_the_keys_of_kept_runs(tmp_path):
    """A digest of the settings as they were before these keys, by the same hash."""
    import hashlib
    import json

    experiment = load_experiment(write_config(tmp_path, pretrain={"epochs": 1, "lr": 0.1}))
    shared = experiment.model_dump(exclude={"arms": True, "seeds": True, "data": {"folder"}})
    later = {
        "weights",
        "scale",
        "gain",
        "relative",
        "follows_rate",
        "classifier",
        "swa_first",
        "swa_small",
        "memory_format",
        "autocast",
    }

    def before(value):
        if isinstance(value, dict):
            return {k: before(v) for k, v in value.items() if k not in later}
        return value

    text = json.dumps([before(shared), "VA", 0], sort_keys=True, default=list)
    former = hashlib.blake2b(text.encode(), digest_size=12).hexdigest()
    assert (experiment.pretrain.swa_start, experiment.train.swa_first) == (None, "at")
    train = experiment.train.model_copy(update={"swa_first": "after"})
    assert experiment.model_copy(update={"train": train}).key("VA", 0) == former
    assert experiment.key("VA", 0) != former
