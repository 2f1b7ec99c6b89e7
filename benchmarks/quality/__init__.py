"""How good: accuracy, F1 and recall beside published figures and the classes of DGL and PyG."""
