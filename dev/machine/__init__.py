"""One embedded machine: its names and directories, daemons, forwarded ports, Postgres."""
