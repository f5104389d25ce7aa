"""GGUF files: header, facts, file names."""
