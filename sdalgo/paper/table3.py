"""Table III: sizes of the decomposed networks at the printed sparsities.

Ours come from decomposing weights that are not trained, pruned to the same sparsity, so that
bits per non-zero are measured but the weights they are measured on are synthetic.
"""

from archsim.formats.progress import Progress
from sdalgo.accounting import MB, Rule, decomposed_size, shape_counts
from sdalgo.paper import Row
from sdalgo.paper._networks import mean_code_bits, network_codes, recipe_weights, weight_shapes
from sdalgo.recipe import load_recipe

# recipe: network, original MB, slice rows, and the first decomposed row: Param, B, Ce in MB, Spar.
PRINTED = {
    "resnet50_sd": ("resnet50", 102.40, 96, (6.51, 1.40, 4.40, 0.45)),
    "vgg19_sd": ("vgg19", 80.13, 96, (0.71, 0.27, 0.37, 0.928)),
    "resnet164_sd": ("resnet164", 6.75, 96, (0.65, 0.25, 0.34, 0.376)),
    "mlp1_sd": ("mlp1", 14.125, 192, (0.075, 0.01, 0.065, 0.8234)),
    "mlp2_sd": ("mlp2", 1.07, 192, (0.016, 0.00, 0.021, 0.9333)),
}
_IMPOSSIBLE = {
    "mlp1_sd": "printed Ce is less than one bit a non-zero",
    "mlp2_sd": "printed Ce is larger than the printed total",
}


def rows(progress: Progress | None) -> list[Row]:
    """Return sizes of every row but VGG-11's, whose printed 845.75 MB is no VGG-11's."""
    made: list[Row] = []
    for index, (recipe, printed) in enumerate(PRINTED.items()):
        if progress:
            progress(index, len(PRINTED), recipe)
        made += _network(recipe, *printed)
    made.append(
        Row(
            row="vgg11", quantity="original size", unit="MB", paper=845.75,
            ours=sum_mb("vgg11"), how="132.9 M parameters of 32 bits; no count gives 845.75",
            meets=False,
        )
    )  # fmt: skip
    return made


def sum_mb(network: str) -> float:
    """Return the float32 megabytes of a network's convolution and linear weights."""
    return shape_counts(weight_shapes(network), largest_kernel=None).weights * 4 / MB


def _network(
    recipe: str, network: str, original: float, slice_rows: int, printed: tuple[float, ...]
) -> list[Row]:
    total, basis, coef, sparsity = printed
    counts = shape_counts(weight_shapes(network), slice_rows)
    codes = network_codes(recipe_weights(recipe), load_recipe(recipe).options())
    density = float((codes != 0).mean())
    bits = mean_code_bits(codes, with_zero=False)
    rule = Rule(coef_bits=bits, mask="row", basis_bits=16)
    size = decomposed_size(counts, density, rule)
    label = f"synthetic weights at density {density:.3f} (printed {1 - sparsity:.3f})"
    wrong = _IMPOSSIBLE.get(recipe)
    note = f"; {wrong}" if wrong else ""
    dense = sum_mb(network)

    def row(quantity: str, paper: float, ours: float, how: str) -> Row:
        return Row(row=network, quantity=quantity, unit="MB", paper=paper, ours=ours, how=how)

    return [
        row("original", original, dense, "weights * 32 b (MLP-1: MiB, last layer left out)"),
        row("B", basis, size.basis / 8 / MB, f"16 b, slices of {slice_rows} rows, all full{note}"),
        row("Ce", coef, size.coef / 8 / MB, f"nz * {bits:.2f} b; {label}{note}"),
        row("Param", total, size.in_units(MB), f"Ce + B + 1 b a row; {label}{note}"),
        Row(
            row=network, quantity="bits per non-zero", unit="b",
            paper=coef * MB * 8 / (original * MB / 4 * (1 - sparsity)), ours=bits,
            how=f"one Huffman table a network; paper's from its Ce, size and sparsity; {label}",
        ),
    ]  # fmt: skip
