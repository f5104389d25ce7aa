"""What runs beside the engine in the server's pod: the gate before it, and the sidecar that reads weights ahead."""

from pods.core import command
from pods.gate.gate import wait
from pods.warm.warm import warm

if __name__ == "__main__":
    command.main({"gate": wait, "warm": warm})
