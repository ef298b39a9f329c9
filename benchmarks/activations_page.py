"""The table and the figure of docs/activation_aware.md, from what activations.py found."""

from pathlib import Path
from typing import Any

from benchmarks.page_table import with_table

Row = dict[str, Any]
HEADS = (
    "| method | setting | bits per weight | cosine (95 %) | top-1 agreement (95 %) "
    "| norms anew: cosine / top-1 | CPU s |",
    "|---|---|---|---|---|---|---|",
)


def table(rows: list[Row]) -> list[str]:
    """Return the lines of the table, one a method and setting."""
    return [*HEADS, *(_line(row) for row in rows if "cosine" in row)]


def _line(row: Row) -> str:
    if "price" in row:
        setting = f"price {row['price']:.1e}"
    else:
        setting = f"{row['levels']} levels" if "levels" in row else "theta 4e-3"
    cosine, top1 = (
        f"{row[key]:.3f} ({row[f'{key}_interval'][0]:.2f}-{row[f'{key}_interval'][1]:.2f})"
        for key in ("cosine", "top1")
    )
    name = row["method"].replace("gptq", "GPTQ").replace("huffman", "Huffman")
    bits = f"{row['bits_per_weight']:.2f}"
    anew = "-"
    if "refreshed_cosine" in row:
        anew = f"{row['refreshed_cosine']:.3f} / {row['refreshed_top1']:.3f}"
    return f"| {name} | {setting} | {bits} | {cosine} | {top1} | {anew} | {row['seconds']:.0f} |"


def write(page: Path, recipe: str, rows: list[Row]) -> None:
    """Put the table between the page's marks of this recipe."""
    made = "".join(f"{line}\n" for line in table(rows))
    page.write_text(with_table(page.read_text(encoding="utf-8"), recipe, made), encoding="utf-8")


def draw(path: Path, rows: list[Row]) -> None:
    """Draw cosine and agreement against bits per weight."""
    import matplotlib as mpl

    mpl.use("Agg")
    mpl.rcParams["svg.hashsalt"] = "archsim"
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(7.2, 3.0), layout="constrained")
    for axis, key, label in zip(
        axes, ("cosine", "top1"), ("cosine of the outputs", "top-1 agreement"), strict=True
    ):
        for method in dict.fromkeys(row["method"] for row in rows if key in row):
            if method.endswith("per code"):
                continue  # a point of its own, beside lines of many
            points = sorted(
                (row["bits_per_weight"], row[key]) for row in rows if row["method"] == method
            )
            axis.plot(*zip(*points, strict=True), marker="o", markersize=3, label=method)
        axis.set(xlabel="bits per weight, everything counted", ylabel=label, ylim=(0, 1))
        axis.grid(alpha=0.3)
    axes[0].legend(fontsize=7)
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
