"""How much each key has to do with whether a point is among the best (PED-ANOVA, Watanabe, Bansal
and Hutter, IJCAI 2023, as Optuna has it)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from archsim.analysis.search.samplers import optuna, unwarned
from archsim.analysis.search.space import Places, Space

LEAST_POINTS = 10
"""Of fewer, a tenth is no point."""
Shares = Mapping[str, float]


def importance(
    space: Space, points: Sequence[Places], values: Sequence[Sequence[float]]
) -> list[Shares]:
    """For each objective the shares of all keys in whether a point is of its best tenth, in the
    order of the keys. `values` are those of the objectives, each the better the smaller. Nothing
    where there are too few points to say.

    A key with one value has no share.
    """
    if len(points) < LEAST_POINTS:
        return []
    package = optuna()
    count = len(values[0])
    study = package.create_study(directions=["minimize"] * count)
    study.add_trials(
        package.trial.create_trial(
            params=space.parameters(places), distributions=dict(space.distributions),
            values=list(found),
        )
        for places, found in zip(points, values, strict=True)
    )  # fmt: skip
    return [_shares(space, study, at) for at in range(count)]


def _shares(space: Space, study: object, at: int) -> Shares:
    of = optuna().importance
    evaluator = of.PedAnovaImportanceEvaluator()
    with unwarned():  # it says that small values count as the best, which they are
        found = of.get_param_importances(
            study, evaluator=evaluator, target=lambda trial: trial.values[at]
        )
    return {key: float(found.get(key, 0.0)) for key in space.distributions}
