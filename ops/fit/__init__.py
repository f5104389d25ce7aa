"""`ops fit`: shows who holds how much GPU memory, for a stack or for any GGUF file, as text, JSON or a web page."""
