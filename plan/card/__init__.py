"""The shared card: who may hold how much of it, whether that fits, and what the live cluster says about it."""
