"""The power fails: a real ext4 on a loop device, and what a machine finds on it."""
