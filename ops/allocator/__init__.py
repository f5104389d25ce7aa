"""llama.cpp's own allocator, asked without a card: a device that only pretends, and the table that the lock keeps."""
