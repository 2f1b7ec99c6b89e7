"""Edges parted for training, validation and test; the oracles are plain loops over what came out."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from graphembed_ext.errors import InputError
from graphembed_ext.graph.parts import DROPPED, STRATEGIES, TEST, TRAIN, VALID, parts_of

USERS, ITEMS = 30, 40


def shop(seed=0, lines=600):
    """Purchases of two kinds, some of them repeated, with times in no order: source, target, relation, time."""
    draws = np.random.default_rng(seed)
    source, target = draws.integers(0, USERS, lines), USERS + draws.integers(0, ITEMS, lines)
    return source, target, draws.integers(0, 2, lines), draws.permutation(lines).astype(float)


def rows_of(edges, part):
    return [row for row in range(len(part)) if part[row] == edges]


@pytest.mark.parametrize(
    ("strategy", "alone", "seed"), list(itertools.product(STRATEGIES, (False, True), range(3))), ids=str
)
def test_what_holds_for_every_strategy(strategy, alone, seed):
    source, target, relation, time = shop(seed)
    part, repeated, unknown = parts_of(
        source, target, relation, time, strategy=strategy, seed=seed, allow_isolated=alone
    )
    where = {name: {frozenset((source[i], target[i])) for i in rows_of(name, part)} for name in (TRAIN, VALID, TEST)}
    assert all(where.values())
    for first, second in itertools.combinations(where, 2):
        assert not where[first] & where[second], "a pair stands in one part"
    held = [(source[i], target[i], relation[i]) for name in (VALID, TEST) for i in rows_of(name, part)]
    assert len(held) == len(set(held)), "a held-out pair is named once for each relation"
    trained = {node for i in rows_of(TRAIN, part) for node in (source[i], target[i])}
    if not alone:
        assert {node for pair in where[VALID] | where[TEST] for node in pair} <= trained
        if strategy in ("random", "user"):
            for kind in (0, 1):
                own = {node for i in rows_of(TRAIN, part) if relation[i] == kind for node in (source[i], target[i])}
                rows = [i for i in range(len(part)) if relation[i] == kind]
                assert own == {node for i in rows for node in (source[i], target[i])}
    assert repeated + unknown == len(rows_of(DROPPED, part))
    assert unknown == 0 or not alone


def test_random_shares_are_those_asked_for_in_each_relation():
    draws = np.random.default_rng(1)
    keys = draws.permutation(USERS * ITEMS)[:1000]
    source, target, relation = keys // ITEMS, USERS + keys % ITEMS, (np.arange(1000) < 300).astype(int)
    part = parts_of(source, target, relation, shares=(8, 1, 1)).part
    for kind, size in ((0, 700), (1, 300)):
        counts = np.bincount(part[relation == kind])
        assert list(counts) == [size * 8 // 10, size // 10, size // 10]
    again = parts_of(source, target, relation, shares=(0.8, 0.1, 0.1)).part
    other = parts_of(source, target, relation, seed=1).part
    assert (part == again).all()
    assert (part != other).any()


def test_by_time_nothing_in_training_is_later_than_what_is_held_out():
    source, target, _, time = shop(3)
    part = parts_of(source, target, None, time, strategy="time").part
    parts = [time[rows_of(name, part)] for name in (TRAIN, VALID, TEST)]
    assert parts[0].max() < parts[1].min() <= parts[1].max() < parts[2].min()
    assert parts[0].max() == 479  # 80 % of 600 lines
    earlier = {frozenset(pair) for pair, when in zip(zip(source, target, strict=True), time, strict=True) if when < 480}
    for row in rows_of(TEST, part):
        assert frozenset((source[row], target[row])) not in earlier


def test_lines_of_one_time_stand_together():
    time = np.array([0.0] * 7 + [1.0] * 6 + [2.0] * 7)
    part = parts_of(np.arange(20), 20 + np.arange(20) * 0, None, time, strategy="time", allow_isolated=True).part
    assert [len(set(part[time == when])) for when in (0, 1, 2)] == [1, 1, 1]


@pytest.mark.parametrize("timed", [True, False])
def test_the_last_of_each_user_tests(timed):
    """The oracle walks through each user's purchases in order and knows what it has seen."""
    source, target, _, time = shop(4)
    part = parts_of(source, target, None, time if timed else None, strategy="last").part
    order = np.argsort(time) if timed else np.arange(len(source))
    for user in range(USERS):
        fresh, seen = [], set()
        for row in order:
            if source[row] == user and target[row] not in seen:
                seen.add(target[row])
                fresh.append(row)
        assert part[fresh[-1]] in (TEST, DROPPED)
        assert part[fresh[-2]] in (VALID, DROPPED)
        assert all(part[row] == TRAIN for row in fresh[:-2])
        before = list(order).index(fresh[-2])
        assert all(part[row] != TRAIN for row in order[before:] if source[row] == user)


def test_per_user_each_has_a_share():
    source = np.repeat(np.arange(10), 20)
    target = 10 + np.tile(np.arange(20), 10)
    time = np.tile(np.arange(20.0), 10)
    for strategy in ("user", "user-time"):
        part = parts_of(source, target, None, time, strategy=strategy, shares=(0.7, 0.1, 0.2)).part
        for user in range(10):
            own = part[source == user]
            if strategy == "user-time":  # the last items of all are known to no training
                assert list(own) == [TRAIN] * 14 + [DROPPED] * 6
            else:
                assert abs(int((own == TEST).sum()) - 4) <= 1
                assert (own != DROPPED).all()


def test_lone_edges_stay_in_training():
    part = parts_of(np.array([0, 2, 4]), np.array([1, 3, 5]), strategy="random", shares=(1, 1, 1)).part
    assert list(part) == [TRAIN] * 3
    part = parts_of(np.array([0, 2, 4]), np.array([1, 3, 5]), shares=(1, 1, 1), allow_isolated=True).part
    assert sorted(part) == [TRAIN, VALID, TEST]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"strategy": "tim"}, "'time'"),
        ({"strategy": "time"}, "times of the edges"),
        ({"shares": (1, 0, 0)}, "8:1:1"),
        ({"shares": (0.5, 0.5)}, "8:1:1"),
        ({"time": np.array([1.0, np.nan])}, "NaN"),
    ],
    ids=str,
)
def test_what_cannot_work_is_said(words, message):
    with pytest.raises(InputError, match=message):
        parts_of(np.array([0, 1]), np.array([1, 2]), **words)


def test_ids_whose_product_is_no_int64_are_told_apart():
    """Numbers of pairs that wrapped around would put edges that join other nodes into one part."""
    ends = np.arange(20)
    small = parts_of(ends, (ends + 1) % 20, seed=3)
    large = parts_of(ends * 2**58, (ends + 1) % 20 * 2**58, seed=3)
    assert (small.part == large.part).all()
