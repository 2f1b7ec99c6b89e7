"""The commands of ``graphembed``, a module each; :mod:`graphembed_ext.cli` joins them.

Their modules import only what help needs; everything else is imported when a command runs.
"""
