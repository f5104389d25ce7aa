"""The commands that a person or CI runs: `python -m ops --help`."""
