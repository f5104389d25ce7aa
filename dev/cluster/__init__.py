"""A Kubernetes in a network namespace of its own."""
