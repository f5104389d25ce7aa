"""What the live cluster says: who is on the card, what they leave, and which of the stack's objects are not as left."""
