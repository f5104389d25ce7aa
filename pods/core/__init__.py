"""What every program has: its command line, its lines and exit codes, its metrics."""
