"""The model server's objects."""
