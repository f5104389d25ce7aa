"""`warm`: the weights, read ahead into the memory of the node."""
