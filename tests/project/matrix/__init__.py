"""The bad-input matrix: every public function, argument and bad value; see ``test_matrix.py``."""
