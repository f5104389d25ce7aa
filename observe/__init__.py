"""Looks at the live cluster and returns what it says; plan/ judges it."""
