"""The stack's own objects in the live cluster: which are gone or edited, and which events no waiting mends."""
