"""`bin/local-llm fit`: who holds how much GPU memory, of a stack or any GGUF file, as text, JSON or a web page."""
