"""Attention as several networks have it: scores of queries and keys, softmax, values."""

from torch import Tensor, nn


def split_heads(x: Tensor, heads: int) -> Tensor:
    """Return (N, heads, T, C / heads) of (N, T, C)."""
    batch, tokens, channels = x.shape
    return x.reshape(batch, tokens, heads, channels // heads).transpose(1, 2)


def attend(query: Tensor, key: Tensor, value: Tensor, *, causal: bool = False) -> Tensor:
    """Return (N, T, C): what each query reads, heads joined.

    Args:
        query: (N, heads, T, D); `key` and `value` (N, kv_heads, L, D), where kv_heads divides
            heads.
        causal: a query reads the keys up to its own.
    """
    found = nn.functional.scaled_dot_product_attention(
        query, key, value, is_causal=causal, enable_gqa=key.shape[1] != query.shape[1]
    )
    joined: Tensor = found.transpose(1, 2).flatten(2)
    return joined
