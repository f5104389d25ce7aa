"""The stack files and the lock for commands that run without Pulumi."""
