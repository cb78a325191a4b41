"""Files with some damage, and what comes of reading them."""

from npstack import DataError


def mutated(content, rng):
    """A copy with some damage: bits flipped, cut, doubled, bytes overwritten or exchanged."""
    content = bytearray(content)
    kind = rng.integers(5)
    at = int(rng.integers(len(content)))
    if kind == 0:
        content[at] ^= 1 << int(rng.integers(8))
    elif kind == 1:
        del content[at:]
    elif kind == 2:
        content[at:at] = content[: int(rng.integers(len(content)))]
    elif kind == 3:
        content[at : at + 8] = rng.bytes(8)
    else:
        content[at : at + 4] = b"\xff\xff\xff\x7f"
    return bytes(content)


def attempt(load, path, **options):
    """What is read, or the words of the error."""
    try:
        return load(path, **options)
    except DataError as error:
        return str(error)
