"""Reads a configuration of llama-swap as llama-swap does: macros, commands, the program that a command starts."""
