"""Container images of the embedded machine, made without a registry."""
