"""Parts that several components share: pods, awaited Jobs, and what makes the imports fast."""
