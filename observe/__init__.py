"""Looks at the live cluster by kubectl; plan/ decides what the answer means."""
