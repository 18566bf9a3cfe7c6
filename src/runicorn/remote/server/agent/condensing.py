"""Buckets of record files, made where these lie: a fiftieth of what would have to be sent. A part of the agent.

Standard library only, Python 3.6 or newer, like its other part, program.py. What comes out is to the last bit what
storage.pyramid makes of the same records, so that a chart looks the same whoever made them.
"""
# No `from __future__ import annotations`, which Python 3.6 does not know, and no annotations but in words.

import itertools
import operator
import struct
import sys

RECORD_BYTES = 32
MARK = b"RNS1"
# storage.pyramid.levels.BUCKET, and a point with its metric and the byte at which its record begins: levels.Points.
ROW = struct.Struct("<5I2?H5d4q4d2q")
POINT = struct.Struct("<Iqddq")
NAN, INFINITY = float("nan"), float("inf")
# A metric's open points take a hundred times as much memory here as its records. A file of so many is read by others.
MOST_METRICS = 256


class Condenser:
    """Takes in the records of one file, piece by piece. size: how many points make a bucket, at least two."""

    def __init__(self, size):
        self.size = size
        self.open = {}  # by metric: steps, times, values, and where their records begin, of what fills no bucket yet

    def take(self, data, start):
        """Return the rows that become whole by nothing but marked records, which begin at this byte of the file."""
        columns = [column(data, code, place, 0) for code, place in (("q", 1), ("d", 2), ("d", 3))]
        columns.append(range(start, start + len(data), RECORD_BYTES))
        if is_one_metric(data):
            return self.add(struct.unpack_from("<I", data, 4)[0], columns)
        numbers = column(data, "I", 0, 1)
        return b"".join([self.add(number, mine) for number, mine in by_metric(numbers, columns)])

    def add(self, number, columns):
        """Take in the next points of one metric; return the rows that become whole."""
        rows = []
        held = self.open.setdefault(number, [[], [], [], []])
        if held[0]:
            missing = self.size - len(held[0])
            for old, new in zip(held, columns):
                old.extend(new[:missing])
            if len(held[0]) < self.size:
                return b""
            rows += rows_of(number, held, self.size)
            columns = [each[missing:] for each in columns]
        end = len(columns[0]) // self.size * self.size
        if end:
            rows += rows_of(number, [each[:end] for each in columns], self.size)
        self.open[number] = [list(each[end:]) for each in columns]
        return b"".join(rows)

    def rest(self):
        """Return the points that fill no bucket, by metric, in file order within each."""
        held = sorted(self.open.items())
        return b"".join([POINT.pack(number, *point) for number, columns in held for point in zip(*columns)])


def size_for(data, points, of_many, many):
    """Return how many points make a bucket, by how many metrics take turns in the first records; 0 for far too many."""
    metrics = 1 if is_one_metric(data) else len(set(column(data, "I", 0, 1)))
    return 0 if metrics > MOST_METRICS else of_many if metrics >= many else points


def marked(data):
    """Return how many bytes of whole records stand at the beginning of `data` that are beyond doubt.

    Of one that may have been cut short by what follows it, others know more.
    """
    count = len(data) // RECORD_BYTES
    end = count * RECORD_BYTES
    if all(data[place:end:RECORD_BYTES] == MARK[place : place + 1] * count for place in range(len(MARK))):
        behind = data[end : end + len(MARK)]
        is_sure = len(behind) < len(MARK) or behind == MARK
    else:
        count = next(place for place in range(count) if not data.startswith(MARK, place * RECORD_BYTES))
        is_sure = False
    return max(0, count - (not is_sure)) * RECORD_BYTES


def is_one_metric(data):
    count = len(data) // RECORD_BYTES
    return all(data[place::RECORD_BYTES] == data[place : place + 1] * count for place in range(4, 8))


def column(data, code, place, half):
    """Return a field of all records as a list. place: its 8 bytes in the record; half: which of their halves."""
    size = struct.calcsize("<" + code)
    each = RECORD_BYTES // size
    at = place * 8 // size + half
    if sys.byteorder == "little":
        return memoryview(data).cast(code)[at::each].tolist()
    return list(struct.unpack("<%d%s" % (len(data) // size, code), data)[at::each])


def by_metric(numbers, columns):
    """Yield each metric's number with its part of the columns, in file order. numbers: that of each record's metric."""
    turn = numbers.index(numbers[0], 1) if numbers[0] in numbers[1:] else len(numbers)
    if numbers[turn:] == numbers[:-turn]:  # they take turns, as where a script logs the same ones at each step
        for place, number in enumerate(numbers[:turn]):
            yield number, [each[place::turn] for each in columns]
        return
    order = sorted(range(len(numbers)), key=numbers.__getitem__)
    for number, group in itertools.groupby(order, numbers.__getitem__):
        places = list(group)
        yield number, [[each[place] for place in places] for each in columns]


def rows_of(number, columns, size):
    """Return the packed rows of a whole number of buckets of one metric. columns: steps, times, values, places."""
    steps, times, values, places = columns
    end = len(values)
    totals = sums([values[place:end:size] for place in range(size)])
    steps_sorted, times_sorted = goes_on(steps), goes_on(times)
    rows = []
    for begin, total in zip(range(0, end, size), totals):
        last = begin + size - 1
        mine = values[begin : last + 1]
        odd = (0, 0, 0)
        if total - total == 0:  # neither infinite nor NaN, and so is none of them
            low, high = min(mine), max(mine)
        else:
            odd, low, high, total = apart(mine)
        step = extent(steps[begin : last + 1], steps_sorted)
        time = extent(times[begin : last + 1], times_sorted)
        row = [number, size, *odd, step[0], time[0], 0, values[begin], values[last], low, high, total]
        row += [steps[begin], steps[last], *step[1:], times[begin], times[last], *time[1:]]
        rows.append(ROW.pack(*row, places[begin], places[last] + RECORD_BYTES))
    return rows


def sums(columns):
    """Return the sum of each row of these columns, added up in numpy's order, as another one rounds otherwise."""
    return added(columns[0], pairwise(columns[1:])) if len(columns) > 1 else columns[0]


def pairwise(columns):
    """Add up as numpy's reductions do: eight sums beside each other, and what is long in halves."""
    count = len(columns)
    if count > 128:
        half = count // 2
        half -= half % 8
        return added(pairwise(columns[:half]), pairwise(columns[half:]))
    if count < 8:
        total, left = columns[0], columns[1:]
    else:
        eight, left = columns[:8], columns[count - count % 8 :]
        for at in range(8, count - count % 8, 8):
            eight = [added(*pair) for pair in zip(eight, columns[at : at + 8])]
        while len(eight) > 1:
            eight = [added(*pair) for pair in zip(eight[::2], eight[1::2])]
        total = eight[0]
    for each in left:
        total = added(total, each)
    return total


def added(first, second):
    return list(map(operator.add, first, second))


def apart(values):
    """Return how many are NaN, infinite and negatively infinite; the least, greatest and the sum of the others."""
    finite = [value for value in values if value - value == 0]
    odd = (sum(map(operator.ne, values, values)), values.count(INFINITY), values.count(-INFINITY))
    total = sums([[value if value - value == 0 else 0.0] for value in values])[0]
    return odd, min(finite) if finite else NAN, max(finite) if finite else NAN, total


def goes_on(x):
    """Tell whether no x is less than the one before it, and none is NaN."""
    return not has_nan(x) and list(x) == sorted(x)


def has_nan(x):
    total = sum(x)
    return (total - total != 0) and any(map(operator.ne, x, x))


def extent(x, is_sorted):
    """Return of a bucket whether its x never goes back, and its least and greatest x. is_sorted: if that is known."""
    if is_sorted or goes_on(x):
        return True, x[0], x[-1]
    return (False, NAN, NAN) if has_nan(x) else (False, min(x), max(x))


def shuffled(data, size):
    """Return the first byte of each row of so many bytes, then the second of each, and so on, then what is no row."""
    whole = len(data) // size * size
    rows = data[:whole]
    return b"".join([rows[place::size] for place in range(size)]) + data[whole:]
