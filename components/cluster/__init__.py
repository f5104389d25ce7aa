"""Which cluster this is, and its namespace."""
