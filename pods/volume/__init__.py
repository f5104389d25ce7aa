"""The volume as all programs see it: what lies on it, what is whole, and what was found damaged."""
