"""What `make up`, `make preview` and the other commands of the Makefile do."""
