"""`bin/local-llm render`: writes the whole stack as plain Kubernetes YAML."""
