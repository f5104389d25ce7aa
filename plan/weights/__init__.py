"""The models volume: its claim, what is fetched onto it, what is read ahead, what is pruned, whether it fits."""
