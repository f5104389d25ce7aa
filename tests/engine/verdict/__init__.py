"""The verdict on real previews of the played cluster."""
