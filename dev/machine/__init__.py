"""The parts of an embedded machine: names and directories, daemons, network, forwarded ports, Postgres."""
