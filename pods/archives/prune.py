"""What the CronJob that looks for unused weights runs, and `bin/local-llm weights`."""

from pods.core import command
from pods.prune.prune import prune

if __name__ == "__main__":
    command.main({"prune": prune})
