"""Runs the Pulumi CLI: its state in Postgres, its plugins, and the stack file completed for this machine."""
