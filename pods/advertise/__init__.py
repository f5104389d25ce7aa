"""`advertise`: GPU memory, kept on the nodes with the card."""
