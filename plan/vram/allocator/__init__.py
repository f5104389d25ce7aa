"""The memory of a model by what llama.cpp's own allocator said of it, and by formulas where it said nothing."""
