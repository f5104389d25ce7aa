"""Pulumi on the embedded machine: the CLI, its state in Postgres, the rendered stack file."""
