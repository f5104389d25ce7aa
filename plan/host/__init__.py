"""Memory of the machine, beside the card's: what the server's pod may take, and whether its limit holds it."""
