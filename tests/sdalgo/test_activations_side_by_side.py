"""Layers side by side: their order, what is told, and how it ends."""

import threading
import time

import pytest

torch = pytest.importorskip("torch")

from archsim.formats.progress import silent  # noqa: E402
from sdalgo.activations.side_by_side import each_layer  # noqa: E402

SIZES = {"a": 30_000, "b": 400_000, "c": 400_000, "d": 190_000}


def test_results_are_in_the_order_given_and_the_largest_are_begun_first(monkeypatch):
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
    begun, told = [], []

    def work(name):
        begun.append(name)
        return name.upper()

    def tell(done, total, what):
        assert threading.current_thread() is threading.main_thread()
        told.append((done, total, what))

    found = each_layer(SIZES, work, tell, "doing ")
    assert list(found.items()) == [(name, name.upper()) for name in SIZES]
    assert begun == ["b", "c", "d", "a"]
    assert told == [
        (0, 1_020_000, "doing b"), (400_000, 1_020_000, "doing b"),
        (800_000, 1_020_000, "doing c"), (990_000, 1_020_000, "doing d"),
        (1_020_000, 1_020_000, "doing a"),
    ]  # fmt: skip


def test_small_layers_are_worked_on_in_the_thread_that_asks():
    found = each_layer(SIZES, lambda _name: threading.current_thread(), silent)
    ours = threading.main_thread()
    assert {name for name, thread in found.items() if thread is ours} == {"a"}


def test_two_large_layers_are_worked_on_at_once(monkeypatch):
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    both = threading.Barrier(2, timeout=30)
    each_layer({"b": 400_000, "c": 400_000}, lambda _name: both.wait(), silent)


def test_the_error_of_the_largest_layer_is_raised():
    def work(name):
        time.sleep(0.05 if name == "b" else 0)
        raise ValueError(name)

    with pytest.raises(ValueError, match="b"):
        each_layer(SIZES, work, silent)


def test_an_interrupt_does_not_wait_for_layers_that_are_worked_on():
    longer, began = threading.Event(), time.monotonic()

    def work(name):
        return name == "b" or longer.wait(60)

    def interrupted(done, _total, _what):
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        each_layer(SIZES, work, interrupted)
    assert time.monotonic() - began < 30
    longer.set()
