"""`bin/local-llm calibrate`: writes measured GPU memory into a stack file."""
