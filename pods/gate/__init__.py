"""`gate`: the server starts when its weights are complete."""
