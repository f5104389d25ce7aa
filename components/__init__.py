"""Declares: one ComponentResource per file, with typed arguments that plan/ has decided."""
