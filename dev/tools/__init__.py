"""The programs the embedded machine is made of: found where installed, else in the cache, else built."""
