"""Table IV: MobileNetV2 with its real weights at four thetas, and EfficientNet-B0's shapes."""

from archsim.formats.progress import Progress
from sdalgo.accounting import MB, Counts, Rule, Size, decomposed_size, shape_counts
from sdalgo.options import preset
from sdalgo.paper import Row
from sdalgo.paper._networks import mean_code_bits, network_codes, recipe_weights, weight_shapes

THETAS = (0.0, 1e-3, 4e-3, 8e-3)
_MOBILENET = {"B": 0.37, "Ce": 1.44, "Param": 1.81}
_EFFICIENTNET = {"B": 0.51, "Ce": 2.10, "Param": 2.61}


def rows(progress: Progress | None) -> list[Row]:
    """Return sizes with zero coded as one more symbol, no index, and 16-bit bases."""
    made = mobilenet_v2(progress)
    if progress:
        progress(len(THETAS), len(THETAS) + 1, "EfficientNet-B0")
    return [*made, *efficientnet_b0()]


def mobilenet_v2(progress: Progress | None = None) -> list[Row]:
    """Return the rows of MobileNetV2."""
    made: list[Row] = []
    weights = recipe_weights("mobilenet_v2_sd")
    counts = shape_counts(weight_shapes("mobilenet_v2"))
    for index, theta in enumerate(THETAS):
        if progress:
            progress(index, len(THETAS) + 1, f"MobileNetV2, theta {theta}")
        codes = network_codes(weights, preset("as_released", theta=theta))
        # The released slices pad the classifier's rows; `counts` has that padding, `codes` not.
        size = _zero_symbol(counts, mean_code_bits(codes, with_zero=True))
        label = f"real weights without re-training, theta {theta}"
        made += _sizes(f"mobilenet_v2 theta {theta}", size, _MOBILENET, label)
        made.append(
            Row(
                row=f"mobilenet_v2 theta {theta}", quantity="bits per non-zero", unit="b",
                paper=None, ours=mean_code_bits(codes, with_zero=False), how=label,
            )
        )  # fmt: skip
    return made


def efficientnet_b0() -> list[Row]:
    """Return the rows of EfficientNet-B0.

    Raises:
        InputError: the package of its weights is not installed (`make data`).
    """
    counts = shape_counts(weight_shapes("efficientnet_b0"))
    codes = network_codes(recipe_weights("efficientnet_b0_sd"), preset("as_released", theta=8e-3))
    size = _zero_symbol(counts, mean_code_bits(codes, with_zero=True))
    made = _sizes(
        "efficientnet_b0",
        size,
        _EFFICIENTNET,
        "trained weights without re-training (classifier synthetic), theta 0.008",
    )
    original = counts.coefficients * 4 / MB
    made.append(
        Row(
            row="efficientnet_b0", quantity="original size", unit="MB", paper=20.40, ours=original,
            how="Ce entries * 32 b, 5x5 layers left out", meets=abs(original - 20.40) < 0.0051,
        )
    )  # fmt: skip
    return made


def _zero_symbol(counts: Counts, bits: float) -> Size:
    rule = Rule(coef_bits=bits, stored="all", basis_bits=16)
    return decomposed_size(counts, 1.0, rule)


def _sizes(row: str, size: Size, paper: dict[str, float], label: str) -> list[Row]:
    basis, coef = size.basis / 8 / MB, size.coef / 8 / MB
    how = f"zero as one more Huffman symbol, no index, 16-bit B; {label}"
    return [
        Row(
            row=row, quantity=quantity, unit="MB", paper=paper[quantity], ours=ours, how=how,
            meets=abs(ours - paper[quantity]) < 0.0071,
        )
        for quantity, ours in (("B", basis), ("Ce", coef), ("Param", basis + coef))
    ]  # fmt: skip
