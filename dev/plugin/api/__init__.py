"""The API server as the plugin talks to it."""
