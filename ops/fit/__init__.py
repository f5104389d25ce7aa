"""`ops fit`: the card of a stack, or what any GGUF would take, for terminal, browser or program."""
