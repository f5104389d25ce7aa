"""`bin/local-llm weights`: what lies on a volume of models."""
