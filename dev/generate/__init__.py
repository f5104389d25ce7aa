"""Writes files of the repository that are generated."""
