"""Every class with a peer, changed in every way of tests/contracts.py: as the peer's class changed alike."""

from __future__ import annotations

import pytest

from tests import contracts
from tests.project import peer_suites

PAIRS = contracts.pairs()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: f"{pair.framework} {pair.name}")
def test_changes_lead_to_what_they_lead_to_in_the_peer(pair):
    held, failed = peer_suites.tried(pair)
    assert not failed, "\n".join(failed)
    assert held.total() >= 10


def test_a_difference_is_found(capsys):
    pair = next(pair for pair in PAIRS if pair.name == "LGConv")
    assert peer_suites.main(["--only", "LGConv"]) == 0
    assert "16 of 16 changes" in capsys.readouterr().out
    other = contracts.Pair("LGConv", "PyG", pair.ours, lambda: pair.peer(normalize=False), methods=())
    assert len(peer_suites.tried(other)[1]) > 5
