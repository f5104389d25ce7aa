"""What `make soak` tries beyond `make test`: more examples of every property, more moments to die at, more shapes."""

import os

SOAK = os.environ.get("LOCAL_LLM_SOAK") == "1"
EXAMPLES = 1000 if SOAK else 40  # of each property
