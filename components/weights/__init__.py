"""The models volume and what fills and prunes it."""
