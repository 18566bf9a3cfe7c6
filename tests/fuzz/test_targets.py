"""What scripts/fuzz tries for as long as one likes holds for its seeds, and for what it found once."""

import random

import pytest
from tests.fuzz.targets import SEEDS, TARGETS


def mutated(data, chance):
    """Return the bytes with a few of them changed, moved or gone."""
    data = bytearray(data)
    for _ in range(chance.randrange(1, 6)):
        at = chance.randrange(len(data) + 1)
        what = chance.randrange(4)
        if what == 0:
            data[at : at + 1] = bytes([chance.randrange(256)])
        elif what == 1:
            del data[at : at + chance.randrange(1, 12)]
        elif what == 2:
            data[at:at] = data[chance.randrange(len(data) + 1) :][: chance.randrange(1, 40)]
        else:
            data[at:at] = chance.choice((b"\0", b"\xff\xff\xff\xff", b"NaN", b"1e999", b"RNS1", b"{", b'"', b"[["))
    return bytes(data)


@pytest.mark.parametrize("name", TARGETS)
def test_a_reader_bears_its_seeds_and_small_changes_of_them(name):
    chance = random.Random(name)
    for seed in SEEDS[name]:
        TARGETS[name](seed)
        for _ in range(150):
            TARGETS[name](mutated(seed, chance))


def test_every_target_has_seeds():
    assert set(SEEDS) == set(TARGETS)
