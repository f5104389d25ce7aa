"""What the live cluster says about the stack: who is on the card, what is missing, what somebody has changed."""
