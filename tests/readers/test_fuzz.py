"""A few damaged files for every reader; tests/readers/fuzz.py says what they are, ``make fuzz`` runs more of them."""

import pytest

from .fuzz import TARGETS, run

_COUNT, _SECONDS = 12, 240


@pytest.fixture(scope="module")
def outcomes():
    found = {}
    for name, number, outcome in run(dict.fromkeys(TARGETS, 0), _COUNT, _SECONDS):
        found.setdefault(name, {})[number] = outcome
    return found


@pytest.mark.parametrize("name", TARGETS)
def test_damaged_files_are_read_or_refused_in_one_line(name, outcomes):
    failed = {number: outcome for number, outcome in outcomes[name].items() if outcome not in ("read", "refused")}
    assert not failed
