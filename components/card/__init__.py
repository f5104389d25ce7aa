"""GPU memory as an extended resource, and the tenant's model TTL."""
