"""The embedded machine: everything `make up` and the tests need and an operator's cluster already has."""
