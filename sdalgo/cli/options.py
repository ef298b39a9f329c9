"""The options that several commands share, so that one word means one thing everywhere."""

from typing import Annotated

import typer

Preset = Annotated[str, typer.Option(help="See `sdalgo list presets`.")]
Theta = Annotated[
    float | None, typer.Option(help="Smaller coefficients become 0; None: the preset's.")
]
Density = Annotated[float | None, typer.Option(help="Non-zeros wanted, 0..1.")]
Rank = Annotated[int | None, typer.Option(help="r, at most the kernel's width.")]
Levels = Annotated[int | None, typer.Option(help="N_p, exponents in a slice.")]
Iterations = Annotated[int | None, typer.Option(help="Fits of B.")]
SliceRows = Annotated[int | None, typer.Option(help="Most rows of a slice.")]
Prune = Annotated[
    str | None,
    typer.Option(
        metavar="SHARE|RATIOS",
        show_default=False,
        help="Of each layer's weights, set to 0 in `pruned`: 0.5, or a list by layer.",
    ),
]
RowRatio = Annotated[
    str | None,
    typer.Option(
        metavar="SHARE|RATIOS",
        show_default=False,
        help="Of each layer's coefficient rows, dropped from `coef`: 0.3, or a list by layer.",
    ),
]
Dense = Annotated[
    list[str] | None,
    typer.Option(
        metavar="PATTERN",
        show_default=False,
        help="Layers that --prune and --row-ratio leave whole. Repeatable.",
    ),
]
DEFAULT_PRESET = "as_released_double"
