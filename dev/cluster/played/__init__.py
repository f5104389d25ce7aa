"""Nodes and pods that kwok only plays, and stand-ins for what a real cluster has."""
