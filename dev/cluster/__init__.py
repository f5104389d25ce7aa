"""Starts and stops a Kubernetes in a network namespace of its own, with real or with played pods."""
