"""What the pod that advertises GPU memory runs."""

from pods.advertise.advertise import advertise
from pods.core import command

if __name__ == "__main__":
    command.main({"advertise": advertise})
