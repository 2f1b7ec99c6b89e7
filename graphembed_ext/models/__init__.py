"""The models. None of them imports a host: they see a :class:`~graphembed_ext.graph.view.GraphView`."""
