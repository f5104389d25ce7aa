"""What no well-meaning hub, volume, stack or API server would do."""
