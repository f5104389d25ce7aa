"""`ops render`: the whole stack as plain Kubernetes YAML."""
