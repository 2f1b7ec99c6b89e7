"""The examples of the documents that specify the models, with their import lines put right."""

from __future__ import annotations

import shutil

import pytest
import torch


@pytest.fixture
def dgl_cora(data_root, tmp_path, monkeypatch):
    """Cora where CoraGraphDataset looks for it: under DGL's names, so that nothing is downloaded."""
    folder = tmp_path / "cora_v2_d697a464"
    folder.mkdir()
    for file in (data_root / "Planetoid" / "Cora" / "raw").iterdir():
        shutil.copy(file, folder / file.name.replace("ind.cora.", "ind.cora_v2."))
    monkeypatch.setenv("DGL_DOWNLOAD_DIR", str(tmp_path))


@pytest.mark.usefixtures("dgl_cora")
@pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning",  # DGL's reader leaves a file open
    "ignore::sklearn.exceptions.ConvergenceWarning",  # the example takes the default number of iterations
)
def test_deepwalk_example():
    from dgl.data import CoraGraphDataset
    from sklearn.linear_model import LogisticRegression
    from torch.optim import SparseAdam
    from torch.utils.data import DataLoader

    from graphembed_ext.dgl import DeepWalk

    torch.manual_seed(0)
    dataset = CoraGraphDataset(verbose=False)
    g = dataset[0]
    model = DeepWalk(g)
    dataloader = DataLoader(torch.arange(g.num_nodes()), batch_size=128, shuffle=True, collate_fn=model.sample)
    optimizer = SparseAdam(model.parameters(), lr=0.01)
    num_epochs = 5
    for _epoch in range(num_epochs):
        for batch_walk in dataloader:
            loss = model(batch_walk)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    train_mask = g.ndata["train_mask"]
    test_mask = g.ndata["test_mask"]
    X = model.node_embed.weight.detach()
    y = g.ndata["label"]
    clf = LogisticRegression().fit(X[train_mask].numpy(), y[train_mask].numpy())
    assert clf.score(X[test_mask].numpy(), y[test_mask].numpy()) > 0.6
