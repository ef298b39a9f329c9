"""The known front of 4096 machines: that it is known still, and that a search finds it."""

from random import Random

import pytest

import archsim
from archsim.analysis.search.space import Space
from archsim.analysis.search.spec import load_search
from archsim.analysis.sweep.points import point_of
from benchmarks import search_4096

pytest.importorskip("optuna")


@pytest.mark.slow
def test_the_table_is_that_of_today():
    """Three of its points, run again: a change of the model makes the table old."""
    from archsim.analysis.sweep.cases import load
    from archsim.analysis.sweep.quantities import Machine

    plan, _ = load_search(search_4096.SPEC)
    loaded = load(plan)
    (choice,), ((_, network),) = loaded.machines, loaded.tasks
    own, space = plan.on(choice.changed.resolved), Space(plan.axes)
    for places, kept in Random(0).sample([*search_4096.known().items()], 3):
        arch = point_of(own, choice, space.changes(places)).arch
        result = archsim.simulate(arch, network, cache=False)
        assert (result.cycles, Machine(arch).sram_kbytes) == (kept[0], kept[2])
        assert result.energy_pj == pytest.approx(kept[1], rel=1e-9)


@pytest.mark.slow
def test_300_evaluations_find_95_percent_of_the_front():
    assert sum(search_4096.shares("tpe")) / search_4096.SEEDS >= 0.95


def test_lots_find_less():
    assert max(search_4096.shares("random")) < min(search_4096.shares("nsga2"))
