"""GGUF files: which files of a repository are a model, and what their headers say."""
