"""Nodes and pods played by kwok, and stand-ins for what an operator's cluster has."""
