"""What the plugin answers to Check and Diff."""
