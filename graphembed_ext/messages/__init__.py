"""Message passing: PyG layers with fused kernels over edges grouped by node.

:mod:`.adjacency`
    Edges grouped by destination, and by source for the way back; built once per graph and kept.
:mod:`.parallel`
    Runs a compiled kernel on ranges of rows, on as many threads as torch would.
:mod:`.blocks`
    Sums of gathered rows in registers, the kernels' innermost loop.
:mod:`.sums`
    The sum over neighbours, with its gradients.
"""
