"""`bin/local-llm lock`: resolves models at the hub or in a directory and writes models.lock.yaml."""
