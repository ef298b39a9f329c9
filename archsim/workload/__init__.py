"""A layer, the graph of layers, and its tensors or the profile they are drawn from."""
