"""`ops weights`: what lies on a volume of models."""
