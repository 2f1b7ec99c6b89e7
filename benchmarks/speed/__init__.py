"""How fast: times and memory beside those of DGL, PyG and others."""
