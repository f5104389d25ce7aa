"""Mappings within a model of the configuration: its variants, and the draft that it is served with."""
