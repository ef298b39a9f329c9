"""Bank conflicts of SCNN where following every queue would take too long: of each pass a seeded
random sample of filter groups, each as long as its slowest element. The other groups wait in
proportion, and the sample says how far off that may be.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import fsum

import numpy as np

from archsim.machines.scnn.certificate import never_waits
from archsim.machines.scnn.forecast import Noise
from archsim.machines.scnn.operations import Operands
from archsim.machines.scnn.probe import PARTS, no_probe, probe
from archsim.machines.scnn.slowest import Search, follow_slowest, noise_of
from archsim.machines.scnn.waits import Conflicts, Waits, WaitsOfPasses, all_waits, followed
from archsim.machines.shared.geometry import Ints

# A second's work, at 0.1 us per operation on one core: a constant, so that the choice repeats.
AFFORDABLE_OPERATIONS = 10_000_000
PROBED_SHARE, SAMPLED_SHARE = 0.15, 0.1
"""Of what is affordable, for the first groups and for single streams, which cost four times as
much each."""
FEWEST, FEWEST_OF_PASS = 16, 3
"""Filter groups in a sample: with fewer, its standard error says little."""
SEED = 0
NORMAL = 1.96
T_BY_FREEDOM = (2.3724, 2.8226, 2.5558, 1.5896)
"""Student's t at 97.5 % is 1.96 + sum of c_i / freedom^i (Abramowitz and Stegun 26.7.5)."""


def sampled_waits(
    passes: Sequence[Operands], affordable: int = AFFORDABLE_OPERATIONS, seed: int = SEED
) -> Conflicts:
    """As `bank_waits` where no more than `affordable` operations, a second's work, are unproven.

    Else filter groups are drawn from each pass, as many as a tenth of that allows and three, and
    16 in all, if there are so many.
    """
    unproven = [np.flatnonzero(~never_waits(one)) for one in passes]
    if _work(passes, unproven) <= affordable:
        return all_waits(passes, unproven)
    rng = np.random.default_rng(seed)
    drawn = [
        (one, rng.permutation(groups))
        for one, open_groups in zip(passes, unproven, strict=True)
        for groups in strata(one, open_groups)
    ]
    searches = _searches(drawn, affordable * PROBED_SHARE)
    _follow_sample(searches, affordable * SAMPLED_SHARE)
    noise = noise_of(searches)
    estimates = [_estimate(search, noise, rng) for search in searches]

    def find(number: int) -> Waits:
        one = passes[number]
        pairs = zip(searches, estimates, strict=True)
        return _waits(one, [pair for pair in pairs if pair[0].layer is one], noise)

    taken = sum(search.taken for search in searches)
    found = WaitsOfPasses(find, len(passes))
    return Conflicts(found, "sampled", taken, _standard_error(estimates))


def strata(layer: Operands, groups: Ints) -> list[Ints]:
    """Filter groups of a pass that are alike: full ones, and the last of each convolution group
    where fewer filters are left for it, which meet fewer banks and wait for them more.
    """
    weights = layer.weights
    last = groups % weights.rounds == weights.rounds - 1
    if weights.each % weights.cube.shape[1] == 0:
        last[:] = False
    return [some for some in (groups[~last], groups[last]) if some.size]


def _work(passes: Sequence[Operands], groups: Sequence[Ints]) -> int:
    """Operations of some groups of each pass."""
    return sum(
        int(one.issued(of, slice(None)).sum()) for one, of in zip(passes, groups, strict=True)
    )


def _searches(drawn: Sequence[tuple[Operands, Ints]], affordable: float) -> list[Search]:
    """A search in the groups drawn of each stratum, begun with the first of them on all elements:
    to its end where `affordable` operations allow that in all strata, else in a probe of as many
    channels as they do.
    """
    layers, first = [one for one, _ in drawn], [groups[:1] for _, groups in drawn]
    every = layers[0].channels
    count = min(every, int(affordable * every / max(1, _work(layers, first))))
    if count < every and every > PARTS:
        return [Search(one, groups, probe(one, groups[0], count)) for one, groups in drawn]
    searches = [Search(one, groups, no_probe(one)) for one, groups in drawn]
    for search, groups in zip(searches, first, strict=True):
        issued = search.layer.issued(groups[:1], slice(None))
        row, element = np.nonzero(issued > 0)
        waited = followed(search.layer, groups)[groups[row], element]
        search.note((row, element), waited)
    return searches


def _follow_sample(searches: Sequence[Search], affordable: float) -> None:
    """Follow the fewest groups that a sample has; from what they cost, as many as affordable."""
    groups = sum(search.groups.size for search in searches)
    for search in searches:
        fair = -(-FEWEST * search.groups.size // groups)
        search.taken = min(search.groups.size, max(FEWEST_OF_PASS, fair))
    spent = follow_slowest(searches, affordable)
    share = sum(search.taken for search in searches) / groups * affordable / max(1, spent)
    for search in searches:
        search.taken = max(search.taken, min(search.groups.size, int(share * search.groups.size)))
    follow_slowest(searches, affordable)


@dataclass(frozen=True)
class _Estimate:
    """Cycles that each group of a stratum lasts, in the order drawn; `variance` of their sum for
    what was not drawn, with its degrees of `freedom`; cycles for elements `overlooked`, and
    their variance.
    """

    lasting: Ints
    variance: float
    freedom: int
    outlasted: float
    overlooked: float


def _estimate(search: Search, noise: Noise, rng: np.random.Generator) -> _Estimate:
    """The ratio estimator: groups wait in proportion to the operations of their slowest element."""
    taken, rest = search.taken, search.groups.size - search.taken
    floor = search.floor
    more, overlooked = search.overlooked(noise, rng)
    lasting = search.lasting() + more
    waited = (lasting - floor)[:taken]
    ratio = waited.sum() / max(1, floor[:taken].sum())
    lasting[taken:] = floor[taken:] * (1 + ratio)
    whole = np.rint(lasting).astype(np.int64)
    scale = 1 + floor[taken:].sum() / max(1, floor[:taken].sum())
    if rest == 0:
        return _Estimate(whole, 0.0, 1, more.sum(), overlooked)
    # One group more that had waited a cycle: seldom waiting may not be in the sample.
    squares = ((waited - ratio * floor[:taken]) ** 2).sum() + 1
    # The rest's own scatter, and that of the ratio it is multiplied with.
    variance = squares / max(1, taken - 1) * (rest + (scale - 1) ** 2 * taken)
    return _Estimate(
        whole, float(variance), max(1, taken - 1), more.sum() * scale, overlooked * scale**2
    )


def _standard_error(estimates: Sequence[_Estimate]) -> float:
    """Of the sum of all strata: two of it cover 95 %, as Student's t does with the degrees of
    freedom that Satterthwaite's formula gives the sum.
    """
    drawn = fsum(one.variance for one in estimates)
    free = drawn**2 / max(1e-12, fsum(one.variance**2 / one.freedom for one in estimates))
    wider = students_t(max(1, free)) / NORMAL
    # How wide the forecast is, is known to a half: that errs alike in all strata.
    forecast = fsum(one.outlasted for one in estimates) / 2
    overlooked = fsum(one.overlooked for one in estimates)
    # And a cycle: an element that was not followed may be slower by as little.
    return float(np.sqrt(drawn * wider**2 + overlooked + forecast**2 + 1))


def students_t(freedom: float) -> float:
    """What 97.5 % of a t-distributed variable is below."""
    return NORMAL + fsum(c / freedom**power for power, c in enumerate(T_BY_FREEDOM, 1))


def _waits(layer: Operands, strata: Sequence[tuple[Search, _Estimate]], noise: Noise) -> Waits:
    """Waits of a pass: no cycles in the groups that are proven, the strata's in the others."""
    cycles, group_cycles = np.zeros_like(layer.operations), layer.operations.max(axis=1)
    for search, estimate in strata:
        issued = layer.issued(search.groups, slice(None))
        foretold = np.rint(search.forecast(noise).waiting(issued)).astype(np.int64)
        # An element cannot wait longer than its group lasts beyond the element's operations.
        guessed = np.minimum(foretold, estimate.lasting[:, None] - issued)
        some = slice(0, len(search.waited))
        guessed[some] = np.where(search.followed, search.waited, guessed[some])
        cycles[search.groups] = guessed
        group_cycles[search.groups] = estimate.lasting
    return Waits(cycles, group_cycles)
