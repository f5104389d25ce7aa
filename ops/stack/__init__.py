"""Stack files of the repository, for commands that run without Pulumi."""
