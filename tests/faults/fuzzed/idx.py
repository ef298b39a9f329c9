"""idx files of images, gzipped: sizes that they do not hold, gigabytes of zeros, and bytes."""

import gzip
import zlib
from functools import cache

from byte_mutants import bytes_mutant

from sdalgo.training.readers import read_idx

SUFFIX = ".gz"
SIZES = (0, 1, 3, 28, 255, 2**16, 2**31, 2**32 - 1)


def seeds():
    images = b"\0\0\x08\3" + b"".join(n.to_bytes(4, "big") for n in (2, 3, 4)) + bytes(24)
    return [images, b"\0\0\x08\1\0\0\0\5" + bytes(range(5)), b"\0\0\x08\0\7"]


def mutate(rng, seed):
    match rng.randrange(5):
        case 0:
            return bytes_mutant(rng, gzip.compress(seed, mtime=0))
        case 1:
            sizes = [rng.choice(SIZES) for _ in range(rng.choice((1, 3, 4, 255)))]
            head = b"\0\0\x08" + bytes([len(sizes)]) + b"".join(n.to_bytes(4, "big") for n in sizes)
            return gzip.compress(head + seed, mtime=0)
        case 2 if rng.random() < 0.1:
            return _zeros(rng.choice((1, 80, 600)))
        case _:
            return gzip.compress(bytes_mutant(rng, seed), mtime=0)


def check(path):
    read_idx(path)


@cache
def _zeros(count):
    """A gzip file of so many MiB of zeros, made of one packed MiB many times."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    mebibyte = packer.compress(bytes(2**20)) + packer.flush(zlib.Z_FULL_FLUSH)
    end, checksum = zlib.compressobj(9, zlib.DEFLATED, -15).flush(), 0
    for _ in range(count):
        checksum = zlib.crc32(bytes(2**20), checksum)
    trailer = checksum.to_bytes(4, "little") + (count * 2**20 % 2**32).to_bytes(4, "little")
    return gzip.compress(b"", mtime=0)[:10] + mebibyte * count + end + trailer
