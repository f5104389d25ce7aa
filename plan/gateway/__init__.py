"""What consumers and gateways read: the contract, the LiteLLM file, fallbacks."""
