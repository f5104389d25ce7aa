"""`prune`: weights that no stack needs any more."""
