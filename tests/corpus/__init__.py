"""Inputs that nobody should give, over all entry points: each is accepted, or refused in words."""
