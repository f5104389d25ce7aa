"""What the Jobs that download a model run."""

from pods.core import command
from pods.fetch.fetch import fetch

if __name__ == "__main__":
    command.main({"fetch": fetch})
