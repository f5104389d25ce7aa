"""`bin/local-llm adopt`: writes the models of a stack from a configuration of llama-swap, and says what is left out."""
