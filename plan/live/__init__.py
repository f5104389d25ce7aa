"""What the live cluster says about the card: who is on it, what they leave, and what that means for the stack."""
