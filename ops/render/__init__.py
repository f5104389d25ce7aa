"""`ops render`: writes the whole stack as plain Kubernetes YAML."""
