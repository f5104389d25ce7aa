"""What llama.cpp's own allocator has said of a model, in the lock, and what may be wrong with it."""
