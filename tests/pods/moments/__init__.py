"""Any moment at all: programs of the pods beside each other on one volume, killed, interleaved, or without power.

`python -m tests.pods.moments SEED` plays one interleaving again and prints every step of it.
"""
