"""The skip-gram engines: each against plain loops, autograd and a task whose answer is known."""

import math
import multiprocessing
import signal
import subprocess
import sys
import threading
import warnings

import numpy as np
import pytest
import torch

import graphembed_ext as ge
from graphembed_ext import losses, rng, training
from graphembed_ext.engines import Batch, choose, memory
from graphembed_ext.engines.cpu import CPUEngine, noise_table, obstacle
from graphembed_ext.engines.kernel import BLOCK, noise_node, train_walks
from graphembed_ext.errors import EngineError, FileFormatError, InputError

GOLDEN, MASK = 0x9E3779B97F4A7C15, (1 << 64) - 1


def two_cliques(size=6):
    """Two cliques that one edge joins."""
    block = torch.ones(size, size).fill_diagonal_(0)
    adjacency = torch.block_diag(block, block)
    adjacency[0, size] = adjacency[size, 0] = 1
    return adjacency.nonzero().t().contiguous()


def ring(size=40):
    nodes = torch.arange(size)
    return torch.stack([torch.cat([nodes, (nodes + 1) % size]), torch.cat([(nodes + 1) % size, nodes])])


def noise_stream(key, walk):
    """As in the kernel: one stream for each walk, out of the key of the epoch."""
    return int(rng.bits(key, torch.tensor([walk]))[0]) & MASK


def plain_training(nodes, contexts, walks, window, negatives, noise, groups, rate, weight, key, first):
    """What the kernel must do, as loops over pairs in float64; returns tokens, pairs and the sum of the losses."""
    tokens = pairs = 0
    total = 0.0
    for number, walk in enumerate(walks):
        walk = walk[: next((k for k, node in enumerate(walk) if node < 0), len(walk))]
        tokens += len(walk)
        for i, centre in enumerate(walk if len(walk) > 1 else []):
            draws = range(i * negatives, (i + 1) * negatives)
            stream = np.uint64(noise_stream(key, first + number))
            outputs = [centre, *(noise_node(walks, noise, groups, centre, stream, draw) for draw in draws)]
            near = [walk[j] for j in range(max(0, i - window), min(len(walk), i + window + 1)) if j != i]
            pairs += len(near)
            for block in range(0, len(outputs), BLOCK):
                chosen = outputs[block : block + BLOCK]
                gradient = np.empty((len(near), len(chosen)))
                for a, x in enumerate(near):
                    for b, out in enumerate(chosen):
                        score = nodes[x] @ contexts[out]
                        positive = block + b == 0
                        score = -score if positive else score
                        step = rate if positive else -rate * weight
                        gradient[a, b] = step / (1 + math.exp(-score))
                        total += math.log1p(math.exp(score)) * (1 if positive else weight)
                before, moves = contexts[chosen].copy(), np.zeros((len(chosen), nodes.shape[1]))
                for a, x in enumerate(near):
                    moves += gradient[a][:, None] * nodes[x]
                    nodes[x] += gradient[a] @ before
                for out, move in zip(chosen, moves, strict=True):
                    contexts[out] += move
    return tokens, pairs, total


def tables(rows, size, scale=0.5):
    draw = np.random.default_rng(0)
    return [draw.uniform(-scale, scale, (rows, size)).astype(np.float32) for _ in range(2)]


def kernel_arguments(rows, negatives, groups=None, fast=False):
    weights = torch.arange(1, rows + 1).double()
    stub = type("Model", (), {})()
    stub.node_embed = torch.nn.Embedding(rows, 1)
    stub.noise_weights = lambda: None if fast else weights
    stub.noise_groups = lambda: groups or [0, rows]
    return noise_table(stub)


WALKS = np.array(
    [
        [0, 1, 2, 3, 4, 5, 6, 7],
        [8, 7, 8, 7, 8, -1, -1, -1],  # ends early, and its nodes return
        [3, -1, -1, -1, -1, -1, -1, -1],  # alone
        [-1, -1, -1, -1, -1, -1, -1, -1],  # empty
        [9, 8, -1, -1, -1, -1, -1, -1],
        [2, 2, 2, 4, 4, 1, 0, -1],
    ]
)


@pytest.mark.parametrize("window", [1, 2, 5, 20])
@pytest.mark.parametrize(("size", "negatives"), [(16, 5), (32, 1), (48, 12), (1, 2), (20, 5), (7, 7)])
def test_kernel_equals_plain_loops(window, size, negatives):
    noise, groups = kernel_arguments(10, negatives)
    nodes, contexts = tables(10, size)
    expected = nodes.astype(np.float64), contexts.astype(np.float64)
    arguments = window, negatives, noise, groups, np.float32(0.05), np.float32(0.7), np.uint64(7), 3
    answer = plain_training(*expected, WALKS, window, negatives, noise, groups, 0.05, 0.7, 7, 3)
    found = train_walks(nodes.reshape(-1), contexts.reshape(-1), size, WALKS, *arguments)
    assert found[:2] == answer[:2] == (8 + 5 + 1 + 2 + 7, found[1])
    assert found[2] == pytest.approx(answer[2], rel=1e-5)
    np.testing.assert_allclose(nodes, expected[0], rtol=2e-4, atol=2e-6)
    np.testing.assert_allclose(contexts, expected[1], rtol=2e-4, atol=2e-6)
