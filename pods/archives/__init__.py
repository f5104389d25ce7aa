"""One module for each kind of pod: the programs it can run. `make pods` writes the archive beside each."""
