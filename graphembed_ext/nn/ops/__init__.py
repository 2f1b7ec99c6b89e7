"""Kernels over edges grouped by node, and what they are made of.

:mod:`.sums`, :mod:`.means`, :mod:`.maxima`
    The sum, the mean and the maximum over neighbours, with their gradients.
:mod:`.attention`, :mod:`.attention_plain`
    Attention over neighbours, with its gradients; the same by operators of torch, and the draws of dropout.
:mod:`.propagation`
    Linear propagation over a normalised graph.
:mod:`.products`, :mod:`.projections`, :mod:`.rows`, :mod:`.sparse`
    Matrix products by blocks of rows; two projections at once; a layer on rows read where they are; features with few
    nonzeros.
:mod:`.pair_scores`, :mod:`.top_k`
    Scores of pairs of rows, and the highest of each row.
:mod:`.blocks`, :mod:`.lanes`
    The innermost loops, written as LLVM vectors.

Where operators are looked at (tracing, the transforms of ``torch.func``), operators of torch do the same.
"""
