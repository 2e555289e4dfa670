"""How records are packed into rows and how keys are looked up fast; pure, no I/O, no clock."""

from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from footfall.kernel.ids import Position

#: Bytes of one key hash.
KEY_BYTES: Final = 16
#: Stands in the key log where a record has no key.
NO_KEY: Final = bytes(KEY_BYTES)

#: A row ends before it passes either: a reader gets whole rows, so a row is what it must hold.
ROW_BYTES: Final = 1 << 20
ROW_RECORDS: Final = 5_000

#: A plane holds one bit of this many generations in each byte.
PLANE_GENERATIONS: Final = 8
#: A slot is 24 bits of the key above 40 bits of position.
_OFFSET_BITS: Final = 40
_OFFSET_MASK: Final = (1 << _OFFSET_BITS) - 1


def pack_array(values: Sequence[bytes]) -> bytes:
    """Return the msgpack array of `values`, each already one msgpack value."""
    count = len(values)
    if count < 16:
        header = bytes((0x90 | count,))
    elif count < 1 << 16:
        header = b"\xdc" + count.to_bytes(2, "big")
    else:
        header = b"\xdd" + count.to_bytes(4, "big")
    return header + b"".join(values)


def row_bounds(payloads: Sequence[bytes]) -> Iterator[tuple[int, int]]:
    """Yield the `[start, end)` of each row that `payloads` are stored in, in order."""
    start = size = 0
    for index, payload in enumerate(payloads):
        size += len(payload)
        if index > start and (size > ROW_BYTES or index - start == ROW_RECORDS):
            yield start, index
            start, size = index, len(payload)
    if payloads:
        yield start, len(payloads)


class KeyTable:
    """An open-addressing table from key to position, for the keys of one generation.

    A slot holds part of a key, so an answer is a candidate until the key log confirms it.
    The keys must be spread evenly (output of a cryptographic hash): their words are used as they
    are.

    Args:
        capacity: Keys it will hold at most; it takes 16 bytes for each.
        base: Last position before the generation.
    """

    def __init__(self, capacity: int, base: Position) -> None:
        self.capacity = capacity
        self.base = base
        self.count = 0
        # At most half full, so that chains are short.
        self.slots = array("Q", bytes(8 * _power_of_two(2 * capacity)))

    def add(self, first_position: Position, keys: bytes, plane: bytearray, bit: int) -> None:
        """Remember neighbouring keys from `first_position` on; `NO_KEY` holds a record's place.

        Args:
            plane: Of this generation's filter, whose bits are set as well.
            bit: The generation's bit in it.
        """
        slots, mask, last = self.slots, len(self.slots) - 1, len(plane) - 1
        words = memoryview(keys).cast("I")
        count = 0
        for offset, (a, b, c, d) in enumerate(_words(words), first_position - self.base):
            if a or b or c or d:
                index = (c >> 8) & mask
                while slots[index]:
                    index = (index + 1) & mask
                slots[index] = (d >> 8) << _OFFSET_BITS | offset
                plane[a & last] |= bit
                plane[b & last] |= bit
                plane[c & last] |= bit
                plane[d & last] |= bit
                count += 1
        self.count += count


def new_plane(generation_keys: int) -> bytearray:
    """Return an empty Bloom filter for `PLANE_GENERATIONS` generations, each a bit of every byte.

    One look at a byte asks eight generations at once, so that what a fresh key costs hardly grows
    with the number of keys known. 16 bits and four probes a key: a fresh key passes the filter of
    one full generation with 0.24 %.
    """
    return bytearray(_power_of_two(16 * generation_keys))


def passing(plane: bytearray, keys: bytes) -> list[tuple[int, int]]:
    """Return (index, generations' bits) of each of the joined `keys` that may be in the plane."""
    last = len(plane) - 1
    words = memoryview(keys).cast("I")
    return [
        (index, bits)
        for index, (a, b, c, d) in enumerate(_words(words))
        if (bits := plane[a & last])
        and (bits := bits & plane[b & last])
        and (bits := bits & plane[c & last])
        and (bits := bits & plane[d & last])
    ]


def candidates(
    slot_at: Callable[[int], int], size: int, base: Position, key: bytes
) -> Iterator[Position]:
    """Yield the positions where `key` may stand; nearly always none or the right one."""
    words = memoryview(key).cast("I")
    tag = words[3] >> 8
    index = (words[2] >> 8) & (size - 1)
    while slot := slot_at(index):
        if slot >> _OFFSET_BITS == tag:
            yield Position(base + (slot & _OFFSET_MASK))
        index = (index + 1) & (size - 1)


def _words(words: "memoryview[int]") -> Iterable[tuple[int, int, int, int]]:
    # Plain Python: most commits have fewer than a hundred keys, where numpy costs more.
    return zip(
        words[0::4].tolist(),
        words[1::4].tolist(),
        words[2::4].tolist(),
        words[3::4].tolist(),
        strict=True,
    )


def _power_of_two(at_least: int) -> int:
    return 1 << max(at_least - 1, 127).bit_length()
