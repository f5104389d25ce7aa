"""The programs the embedded machine is made of: found where installed, else taken from the cache, else built."""
