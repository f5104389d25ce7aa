"""GPU memory of one served model, from its header facts: weights, cache, state, compute buffers, CUDA context."""
