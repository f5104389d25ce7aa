"""Where each flag of llama-server goes, and each variable that means the same."""
