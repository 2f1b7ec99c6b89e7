"""Training by several processes on torch's process groups, started by torchrun or anything that sets its variables.

=============  ===============================  =====================================================================
strategy       models                           what is shared out, and what comes of it
=============  ===============================  =====================================================================
``"sharded"``  DeepWalk, MetaPath2Vec           rows of both tables and of the optimiser, walks of every batch; by
                                                row-wise Adagrad, the same for any number of ranks but for rounding
``"ddp"``      GraphSAGE, HAN                   nodes or pairs of every batch; the gradient is that of one process on
                                                the whole batch (dropout aside: every rank drops other numbers)
``"columns"``  LightGCN                         columns of the table and of Adam's moments; the training is that of
                                                one process
=============  ===============================  =====================================================================

::

    torchrun --standalone --nproc_per_node 2 train.py

    model = ge.DeepWalk(graph, seed=0, device="meta")      # tables without memory: every rank makes its own rows
    ge.fit(model, strategy="sharded", checkpoint="states/")  # goes on by itself after a restart
    ge.distributed.save(model, "emb/")                     # every rank its rows; Embeddings.load("emb/") reads them

Every process runs the same program on the same graph. The first one shows progress, writes and calls ``on_epoch``.
Outside of a launcher a strategy that is named trains in this process alone, and goes on with what several have begun.

A rank waits ten minutes for another one, or as many seconds as the environment variable ``GRAPHEMBED_TIMEOUT`` says, as
long as that one gives signs of life: without one for 20 seconds (``GRAPHEMBED_SILENCE``) it is given up, as stopped or
on a machine that is gone. One that is killed ends the others within seconds; ``torchrun --max-restarts N`` starts them
again, and they go on from the last whole state: that after an epoch or, of walk models with ``checkpoint_every=N``,
after N batches of one. One machine with gloo is what has been tried: not GPUs by nccl, and not several machines, whose
restarts torch counts apart unless ``TORCH_DISABLE_SHARE_RDZV_TCP_STORE=1`` is set.

A loop of your own with ``torch.nn.parallel.DistributedDataParallel`` must call ``ddp(batch.x, batch.blocks)``: what is
called by ``ddp.module``, such as ``ddp.module.logits(batch)``, passes its synchronisation by, and ranks drift apart
unnoticed. HAN in mini-batches needs more than gradients of the others, means over their nodes: leave it to ``ge.fit``.
"""

from .joining import join, leave
from .results import collected, gather, save

__all__ = ["collected", "gather", "join", "leave", "save"]
