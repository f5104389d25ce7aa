"""The commands that a person or CI runs: `bin/local-llm --help`."""
