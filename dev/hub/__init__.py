"""A model hub on this machine: the part of the Hugging Face API that resolving and fetching GGUF files needs.

Two origins, as the real one has: the API, and a CDN to which it redirects. Faults can be ordered (faults.py).
No uploads, no Xet, no pagination.
"""

from dev.hub.faults import Faults, Rule
from dev.hub.repos import GEMMA_REPO, SMOLLM2_REPO, Repos, populate
from dev.hub.server import Hub

__all__ = ["GEMMA_REPO", "SMOLLM2_REPO", "Faults", "Hub", "Repos", "Rule", "populate"]
