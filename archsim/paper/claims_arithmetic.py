"""Claims that printed numbers decide among themselves."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import permutations

from archsim.paper.claim import Answer, Part, close, judged
from archsim.paper.printed import Printed, Span, number, table

ROUNDING = 0.01  # of a size or count that the source rounds before it is used again


def efficiency_on_hardware() -> Answer:
    """1: the gains of Table II against the number of the abstract."""
    rows = column("efficiency")
    claimed = Printed("2.44")
    largest = max(rows.values(), key=lambda one: one.value)
    pairs = permutations(rows, 2)
    a, b = min(pairs, key=lambda ab: abs(rows[ab[0]].value / rows[ab[1]].value - claimed.value))
    return Answer(
        (
            Part(
                "largest gain of Table II over row 1", "2.44", largest.value,
                judged(claimed.span.meets(largest.span), "contradicts"),
            ),
            Part(
                f"nearest ratio of two rows ({a} over {b})", "2.44",
                rows[a].value / rows[b].value, "open",
            ),
        ),
        "Table II, the only measurement on hardware, gains more than that over the unmodified "
        "network; the nearest number is a ratio between two other rows. The FPGA itself is not "
        "here.",
    )  # fmt: skip


def training_storage() -> Answer:
    """2: size ratios of Tables V and VI."""
    claimed = Printed("10.56")
    ratios: dict[str, Span] = {}
    for name in ("table5", "table6"):
        for task, arms in table(name)["rows"].items():
            whole = Printed(arms["VA"][2]).span
            for arm in ("SD", "SS"):
                where = f"{table(name)['dataset']}, {task}, {arm}"
                ratios[where] = whole / Printed(arms[arm][2]).span
    nearest = min(ratios, key=lambda key: abs(ratios[key].middle - claimed.value))
    largest = max(ratios, key=lambda key: ratios[key].middle)
    found = any(span.meets(claimed.span) for span in ratios.values())
    return Answer(
        (
            Part(
                f"nearest ratio ({nearest})", "10.56", ratios[nearest].middle,
                judged(found, "contradicts"),
            ),
            Part(f"largest ratio ({largest})", "10.56", ratios[largest].middle, "open"),
        ),
        "No size ratio of Tables V and VI rounds to 10.56, and the largest is far above it.",
    )  # fmt: skip


def training_energy() -> Answer:
    """3: ratios of Table VII."""
    rows = table("table7")["rows"]
    chip = Printed(rows["SD-T accelerator"][2])
    parts = []
    for gpu in ("edge", "cloud"):
        other = Printed(rows[f"{gpu} GPU"][2])
        claimed = Printed(table("table7")["improvement"][gpu])
        parts.append(
            Part(
                f"over the {gpu} GPU", claimed.text, chip.value / other.value,
                judged((chip.span / other.span).meets(claimed.span)),
            )
        )  # fmt: skip
    return Answer(parts, "Ratios of Table VII; its three efficiencies are citations (claim 33).")


def memory_against_mac() -> Answer:
    """6: Table I."""
    prices = table("table1")
    low, mac = Printed(prices["sram"]["low"]), Printed(prices["mac"])
    ratio = low.value / mac.value
    return Answer(
        (Part("cheapest memory access over a MAC", ">= 9.5", ratio, judged(ratio >= 9.5)),),
        "Table I's own numbers.",
    )


def coefficient_movement() -> Answer:
    """10: compression rates of Table III."""
    rates = {}
    for name, entry in table("table3")["networks"].items():
        original = float(entry["original"][2])
        for row in entry["rows"]:
            rates[f"{name}, {row[2]}x"] = original / float(row[3])
    best = max(rates, key=lambda key: rates[key])
    near = min(rates, key=lambda key: abs(rates[key] - 80))
    return Answer(
        (
            Part(
                f"largest rate ({best})", "80", rates[best],
                judged(round(rates[best], -1) == 80, "contradicts"),
            ),
            Part(f"nearest rate ({near})", "80", rates[near], "open"),
        ),
        "Table III, to which the sentence points, goes well beyond 80; the number fits its first "
        "row alone.",
    )  # fmt: skip


def improvement_line() -> Answer:
    """18: the last line of Table II from its first and last rows."""
    first, last = (dict(zip(names(), rows()[key], strict=True)) for key in ("1", "SDt"))
    printed = table("table2")["improvement"]
    hundred = Printed("100.00").span  # densities of row 1 are whole
    parts = []
    for what, claimed in printed.items():
        new = Printed(last[what])
        if what == "accuracy":
            ours, span = _difference(new, Printed(first[what]))
        elif what == "efficiency":
            ours, span = new.value, new.span
        elif what in {"weights", "coefficients"}:
            ours, span = new.value - 100, new.span - hundred
        else:
            old = Printed(first[what])
            ours = 100 * (new.value / old.value - 1)
            quotient = new.span / old.span
            span = Span(100 * (quotient.low - 1), 100 * (quotient.high - 1))
        parts.append(Part(what, claimed, ours, judged(span.meets(Printed(claimed).span))))
    return Answer(parts, "Differences and ratios of the first and the full row.")


def powers_of_two() -> Answer:
    """19: row 3 against row 2."""
    two, three = (dict(zip(names(), rows()[key], strict=True)) for key in ("2", "3"))
    ratio = float(two["size"]) / float(three["size"])
    loss = float(two["accuracy"]) - float(three["accuracy"])
    return Answer(
        (
            Part("size, row 2 over row 3", "> 3.7", ratio, judged(ratio > 3.7)),
            Part("accuracy lost, points", "< 0.6", loss, judged(loss < 0.6)),
        ),
        "Rows 2 and 3 of Table II; that the accuracies were reached is not checked.",
    )


def smaller_than_others() -> Answer:
    """21: sizes of ResNet50."""
    original, row = _network("ResNet50")
    weights = float(original[2]) / 4  # millions, 32 bits each
    lsq = weights * 3 / 8
    drop = float(original[0]) - float(row[0])
    smallest = float(row[3])
    return Answer(
        (
            Part(
                "3 bits for each weight, MB", "9.61", lsq, judged(close(9.61, lsq, ROUNDING)),
                "weights from Table III's 102.40 MB; other parameters left out",
            ),
            Part("top-1 lost, points", "0.82", drop, judged(Printed("0.82").met_by(drop))),
            Part(
                "SmartDeal's size over CLIP-Q's", "< 1", smallest / 6.70,
                judged(smallest < 6.70),
            ),
        ),
        "Arithmetic on Table III; the accuracies of other methods are citations.",
    )  # fmt: skip


def rates_of_families() -> Answer:
    """24: compression rates by family."""
    rates: Mapping[str, list[float]] = {
        name: [float(entry["original"][2]) / float(row[3]) for row in entry["rows"]]
        for name, entry in table("table3")["networks"].items()
    }
    vgg = [*rates["VGG11"], *rates["VGG19"]]
    losses = [
        float(entry["original"][0]) - float(row[0])
        for name, entry in table("table3")["networks"].items()
        if name.startswith("VGG")
        for row in entry["rows"]
    ]
    low, high = min(rates["ResNet50"]), max(rates["ResNet50"])
    resnet = min([*rates["ResNet50"], *rates["ResNet164"]])
    return Answer(
        (
            Part("least rate of VGG", "80", min(vgg), judged(round(min(vgg), -1) == 80)),
            Part("largest rate of VGG", "120", max(vgg), judged(round(max(vgg), -1) == 120)),
            Part("most that VGG loses, points", "< 1", max(losses), judged(max(losses) < 1)),
            Part("least rate of a ResNet", "> 10", resnet, judged(resnet > 10)),
            Part("least rate of ResNet50", "15", low, judged(int(low) == 15)),
            Part("largest rate of ResNet50", "18", high, judged(int(high) == 18)),
        ),
        "Original size over decomposed size of Table III, in the whole numbers of the text.",
    )


def compact_accuracy() -> Answer:
    """26: what can be read of Table IV's accuracies."""
    entry = table("table4")["networks"]["MobileNetV2"]
    drop = float(entry["original"][1]) - float(entry["rows"][0][1])
    return Answer(
        (Part("top-5 lost by MobileNetV2, points", "1", drop, "open"),),
        "Table IV's own top-5 values lose about 1 point; its top-1 values cannot be read in the "
        "text we have, and reaching them takes ImageNet and re-training.",
    )


def five_directions() -> Answer:
    """42: the count that five directions can reach."""
    kept, needed = 5, 7  # appendix F; appendix E
    return Answer(
        (
            Part(
                "largest count of the last five directions", ">= 7", float(kept),
                judged(kept >= needed, "contradicts"),
            ),
        ),
        "A switch needs a count of 7 (appendix E), which the last five directions (appendix F) can "
        "never add up to; an up-down counter that is not limited to five can.",
    )  # fmt: skip


def names() -> list[str]:
    """The columns of Table II."""
    return list(table("table2")["columns"])


def rows() -> Mapping[str, list[str]]:
    """The rows of Table II, as printed."""
    found: Mapping[str, list[str]] = table("table2")["rows"]
    return found


def column(name: str) -> dict[str, Printed]:
    """One column of Table II, rows that print nothing left out."""
    at = names().index(name)
    found = {key: number(row[at]) for key, row in rows().items()}
    return {key: one for key, one in found.items() if one is not None}


def _difference(a: Printed, b: Printed) -> tuple[float, Span]:
    return a.value - b.value, a.span - b.span


def _network(name: str) -> tuple[list[str], list[str]]:
    """Original and first decomposed row of Table III."""
    entry = table("table3")["networks"][name]
    return entry["original"], entry["rows"][0]


CHECKS: Mapping[int, Callable[[], Answer]] = {
    1: efficiency_on_hardware,
    2: training_storage,
    3: training_energy,
    6: memory_against_mac,
    10: coefficient_movement,
    18: improvement_line,
    19: powers_of_two,
    21: smaller_than_others,
    24: rates_of_families,
    26: compact_accuracy,
    42: five_directions,
}
