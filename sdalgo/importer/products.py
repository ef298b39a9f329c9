"""Products of matrices."""

from __future__ import annotations

import torch
from torch import Tensor

from sdalgo.importer.kinds import MANY, Attributes, Given, Kind, optional


def _matmul(given: Given, _attrs: Attributes) -> Tensor:
    a, b = given
    if a.shape[-1] != b.shape[-2 if b.ndim > 1 else 0]:
        raise ValueError(f"matrices {tuple(a.shape)} and {tuple(b.shape)} do not fit each other")
    return a @ b


def gemm_weight(b: Tensor, attrs: Attributes) -> Tensor:
    """B of a Gemm as its product takes it, alpha included: (C, K)."""
    weight = b.T if attrs.get("transB", 0) else b
    return weight * attrs["alpha"] if attrs.get("alpha", 1.0) != 1 else weight


def _gemm(given: Given, attrs: Attributes) -> Tensor:
    """alpha * A' * B' + beta * C."""
    x, shift = (given[0].T if attrs.get("transA", 0) else given[0]), optional(given, 2)
    out = x @ gemm_weight(given[1], attrs)
    if shift is not None:
        out = out + (shift if attrs.get("beta", 1.0) == 1 else shift * attrs["beta"])
    return out


def equation_of(equation: str, ranks: list[int]) -> tuple[list[str], str]:
    """(letters of each operand, letters of the result) of an Einsum, dots spelled out."""
    plain = equation.replace(" ", "")
    left, _, right = plain.partition("->")
    operands = left.split(",")
    if len(operands) != len(ranks):
        raise ValueError(f"equation {equation!r} of {len(ranks)} operands")
    spare = [c for c in "ABCDEFGHIJKLMNOPQRSTUVWXYZ" if c not in plain]
    dots = max(
        [rank - len(o) + 3 for o, rank in zip(operands, ranks, strict=True) if "..." in o] or [0]
    )
    filled = []
    for operand, rank in zip(operands, ranks, strict=True):
        own = rank - len(operand) + 3 if "..." in operand else 0
        filled.append(operand.replace("...", "".join(spare[dots - own : dots])))
        if len(filled[-1]) != rank or not all(letter.isalpha() for letter in filled[-1]):
            raise ValueError(f"equation {equation!r} does not fit operands of rank {ranks}")
    ellipsis = "".join(spare[:dots])
    if "->" not in plain:
        letters = "".join(filled)
        free = sorted(c for c in set(letters) if letters.count(c) == 1 and c not in ellipsis)
        return filled, ellipsis + "".join(free)
    return filled, right.replace("...", ellipsis)


def _einsum(given: Given, attrs: Attributes) -> Tensor:
    operands, result = equation_of(attrs["equation"], [each.ndim for each in given])
    return torch.einsum(f"{','.join(operands)}->{result}", *given)


KINDS: dict[str, Kind] = {
    "MatMul": Kind(rule="matmul", inputs=(2, 2), compute=_matmul),
    "Gemm": Kind(
        rule="gemm", inputs=(2, 3), reads=("alpha", "beta", "transA", "transB"), compute=_gemm
    ),
    "Einsum": Kind(rule="einsum", inputs=(1, MANY), reads=("equation",), compute=_einsum),
}
