"""Asks the live cluster by kubectl who is on the card; plan/ decides what the answer means."""
