"""What a disk, an editor or a cut connection does to a file, drawn from a seed."""

import random


def damaged(content, count, seed=0):
    """`count` times other bytes than `content`: bits flipped, parts cut out, doubled, zeroed, moved
    or drawn anew, or an end that is missing."""
    draw = random.Random(seed)
    made = 0
    while made < count:
        other = _once(content, draw)
        if other != content:
            made += 1
            yield other


def encrypted(content):
    """A zip archive whose first member says of itself, in the directory, that it is encrypted."""
    at = content.index(b"PK\x01\x02") + 8
    return content[:at] + bytes([content[at] | 1]) + content[at + 1 :]


def _once(content, draw):
    at = draw.randrange(len(content))
    length = min(draw.choice((1, 2, 8, 64, 1024)), len(content) - at)
    part, end = content[at : at + length], at + length
    kind = draw.choice(("flip", "flip", "cut", "double", "zero", "move", "random", "truncate"))
    if kind == "truncate":
        return content[:at]
    if kind == "move":
        rest = content[:at] + content[end:]
        to = draw.randrange(len(rest) + 1)
        return rest[:to] + part + rest[to:]
    new = {
        "flip": bytes([part[0] ^ 1 << draw.randrange(8)]) + part[1:],
        "cut": b"",
        "double": part + part,
        "zero": bytes(length),
        "random": draw.randbytes(length),
    }[kind]
    return content[:at] + new + content[end:]
