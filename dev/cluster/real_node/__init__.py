"""A node with real pods: containerd, kubelet, DNS."""
