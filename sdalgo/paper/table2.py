"""Table II: sizes and operations of ResNet-18 on CIFAR-10 from its shapes and printed densities."""

from archsim.formats.progress import Progress
from sdalgo.accounting import (
    MIB,
    Counts,
    Rule,
    decomposed_size,
    dense_size,
    implied_coef_bits,
    pruned_size,
    shape_counts,
)
from sdalgo.flops import decomposed_flops, dense_flops, rebuild_flops, sparse_flops
from sdalgo.paper import Row
from sdalgo.paper._networks import weight_shapes

CONV_MACS = 555_417_600

# row: (MFLOPs, size in MiB, density of W, density of Ce), densities in percent; None: not printed
PRINTED: dict[str, tuple[float, float, float | None, float | None]] = {
    "1": (1110.8, 42.59, 100.0, None),
    "2 DE": (1177.8, 43.28, 100.0, 100.0),
    "3 DE+Q2": (1177.8, 11.34, 100.0, 100.0),
    "4+ US": (212.0, 9.46, 19.09, None),
    "5 DE+US": (689.6, 9.46, 37.09, 20.60),
    "6 Q2+US": (440.5, 3.97, 39.66, None),
    "7 DE+Q2+US": (400.0, 2.95, 67.22, 46.44),
    "8 7+SS": (290.9, 2.43, 41.47, 29.19),
    "8 delta": (233.9, 1.91, 20.53, 13.76),
    "9+ Q2+US+RT": (141.7, 2.18, 12.75, None),
    "SD 7+RT": (261.2, 1.78, 22.12, 12.77),
    "SD-": (552.2, 2.99, 48.27, 36.36),
    "SD dagger": (209.8, 1.74, 17.16, 10.53),
    "SD dagger delta": (189.6, 1.67, 13.14, 7.75),
}
_HUFFMAN = Rule(mask="element", basis_bits=8)


def rows(_progress: Progress | None) -> list[Row]:
    """Return size and operations of every row."""
    counts = shape_counts(weight_shapes("resnet18_cifar"))
    made: list[Row] = []
    for name, (flops, size, weights, coefficients) in PRINTED.items():
        made.append(_size(name, counts, size))
        made.append(_flops(name, counts, flops, (weights or 100.0, coefficients)))
    return made


def _size(name: str, counts: Counts, paper: float) -> Row:
    density = {
        "4+ US": 0.1909, "5 DE+US": 0.2060, "6 Q2+US": 0.3966, "9+ Q2+US+RT": 0.1275,
    }  # fmt: skip
    known = {
        "1": (dense_size(counts), "W * 32 b"),
        "2 DE": (decomposed_size(counts, 1.0, Rule()), "Ce * 32 b + B * 32 b"),
        "3 DE+Q2": (decomposed_size(counts, 1.0, Rule(coef_bits=8)), "Ce * 8 b + B * 32 b"),
        "4+ US": (pruned_size(counts, density["4+ US"]), "nz * 32 b + 1 b a weight"),
        "5 DE+US": (
            decomposed_size(counts, density["5 DE+US"], Rule()),
            "nz * 32 b + B * 32 b; no mask, unlike row 4+",
        ),
        "6 Q2+US": (pruned_size(counts, density["6 Q2+US"], 5), "nz * 5 b + 1 b a weight"),
        "9+ Q2+US+RT": (pruned_size(counts, density["9+ Q2+US+RT"], 5), "nz * 5 b + 1 b a weight"),
    }
    if name in known:
        size, how = known[name]
        ours = size.in_units(MIB)
        meets = abs(ours - paper) < 0.0051
        return Row(
            row=name, quantity="size", unit="MiB", paper=paper, ours=ours, how=how, meets=meets
        )
    coefficients = (PRINTED[name][3] or 0.0) / 100
    bits = implied_coef_bits(counts, coefficients, _HUFFMAN, paper * MIB * 8)
    how = (
        f"needs the re-trained weights; nz * h + 1 b an element + B * 8 b gives the printed size "
        f"at h = {bits:.2f} bits a non-zero (appendix B: about 2.3, 2 to 3.5)"
    )
    return Row(row=name, quantity="size", unit="MiB", paper=paper, ours=None, how=how)


def _flops(name: str, counts: Counts, paper: float, percent: tuple[float, float | None]) -> Row:
    density, coefficients = percent[0] / 100, percent[1]
    if coefficients is None:
        ours = sparse_flops(CONV_MACS, density)
        how = "2 a multiply-add, convolutions, times the global density of W"
    elif coefficients == 100.0:
        ours = dense_flops(CONV_MACS) + rebuild_flops(counts.coefficients)
        how = "row 1 plus 6 operations for each rebuilt weight"
    else:
        found = decomposed_flops(CONV_MACS, density, counts.coefficients, coefficients / 100)
        ours = found["mixed"]
        how = (
            "8-bit multiplications at 8/32, additions at 32/32, plus rebuild; all at 32 bits: "
            f"{found['full'] / 1e6:.1f}, all at 8/32: {found['eighths'] / 1e6:.1f}; per-layer "
            "densities, which the paper does not print, move it most"
        )
    meets = abs(ours / 1e6 - paper) < 0.15
    return Row(
        row=name, quantity="operations", unit="M", paper=paper, ours=ours / 1e6, how=how,
        meets=meets,
    )  # fmt: skip
