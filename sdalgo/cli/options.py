"""The options that several commands share, so that one word means one thing everywhere."""

import inspect
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Annotated, Any

import typer

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
Calibrate = Annotated[
    Path | None,
    typer.Option(
        metavar="IMAGES_OR_NPZ",
        show_default=False,
        help="Fit outputs on these: a folder of images, or an .npz with `images` (N, C, H, W).",
    ),
]
Network = Annotated[
    str | None,
    typer.Option(metavar="NAME", show_default=False, help="What runs on --calibrate's images."),
]
Bits = Annotated[
    float | None, typer.Option(show_default=False, help="Bits per weight that are aimed at: 3.5.")
]
Price = Annotated[
    float | None,
    typer.Option(
        show_default=False,
        help="Instead: what a bit must save, of the energy of the network's outputs: 2e-8.",
    ),
]
Damp = Annotated[
    float | None,
    typer.Option(show_default=False, help="Of the mean of H's diagonal, added to it: 0.1."),
]
Sequential = Annotated[
    bool, typer.Option("--sequential", help="Inputs come from what was decomposed so far.")
]
GivenWeights = Annotated[
    Path | None,
    typer.Option(
        "--weights",
        metavar="FILE",
        show_default=False,
        help="Trained weights for a shipped recipe, such as torchvision's own state dict.",
    ),
]
OwnNetwork = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE.py",
        show_default=False,
        help="RUNS this Python file: the network of a recipe of your own.",
    ),
]
DEFAULT_PRESET = "as_released_double"
_PANEL = "Decomposition (not given: as the preset has it)"
Preset = Annotated[str, typer.Option(help="See `sdalgo list presets`.", rich_help_panel=_PANEL)]

_OPTIONS: dict[str, tuple[type, str, str | None]] = {
    "theta": (float, "Smaller coefficients become 0.", None),
    "relative": (bool, "theta is a share of the layer's rms, or a magnitude.", None),
    "density": (float, "Non-zeros wanted, 0..1.", None),
    "iterations": (int, "Fits of B.", None),
    "tol": (float, "Stop once B moves by no more.", None),
    "scaling": (str, "Of columns before rounding: none, grid or unit.", None),
    "exponents": (str, "Lowest and highest p; an empty end is open.", "LOW:HIGH"),
    "levels": (int, "N_p, exponents in a slice.", None),
    "loop_basis": (str, "B between the fits: float32, float64 or stored.", None),
    "basis_bits": (int, "8, 16 or 32.", None),
    "rank": (int, "r, at most the kernel's width.", None),
    "vector_width": (int, "n of 1x1 and linear layers.", None),
    "slice_rows": (int, "Most rows of a slice.", None),
    "slicing": (str, "even or factors.", None),
    "largest_kernel": (str, "Larger kernels stay as they are.", "N|any"),
    "search": (int, "Rounds of search over single coefficients.", None),
    "starts": (int, "Other starts of the search.", None),
    "bit_price": (float, "What a coded bit must save, of a mean squared weight.", None),
}
"""A decomposition's options (`sdalgo.Options`) as a command line has them: type, help, form."""


def decomposing(*left_out: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command every option of a decomposition, but for those left out.

    The command takes as `asked` those options that were given (as words, see
    sdalgo.option_words).
    """
    names = [name for name in _OPTIONS if name not in left_out]

    def with_options(command: Callable[..., None]) -> Callable[..., None]:
        @wraps(command)
        def run(**given: Any) -> None:
            asked = {name: given.pop(name) for name in names}
            command(**given, asked={k: v for k, v in asked.items() if v is not None})

        own = inspect.signature(command, eval_str=True)
        parameters: list[inspect.Parameter] = []
        for parameter in own.parameters.values():
            shared = parameter.name == "asked"
            parameters += [*map(_parameter, names)] if shared else [parameter]
        del run.__wrapped__  # its signature would be taken
        run.__signature__ = own.replace(parameters=parameters)  # type: ignore[attr-defined]
        run.__annotations__ = {p.name: p.annotation for p in parameters}
        return run

    return with_options


def _parameter(name: str) -> inspect.Parameter:
    kind, text, form = _OPTIONS[name]
    flag = "--" + name.replace("_", "-")
    words = [f"{flag}/--absolute"] if kind is bool else [flag]
    option = typer.Option(
        *words, help=text, metavar=form, show_default=False, rich_help_panel=_PANEL
    )
    either = inspect.Parameter.POSITIONAL_OR_KEYWORD
    return inspect.Parameter(name, either, default=None, annotation=Annotated[kind | None, option])
