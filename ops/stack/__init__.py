"""The stack files and the lock in the current directory, for commands that run without Pulumi."""
