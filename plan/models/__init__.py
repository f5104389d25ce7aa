"""What the lock says of the models: files, header facts, builds that load them, which take turns."""
