"""Decides: configuration and lock in, a frozen plan out. Knows no engine, cluster, network, clock or environment."""
