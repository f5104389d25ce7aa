"""Kubernetes' own grammar: names, resources, schedules, images and what else its API server or kubelet would refuse."""
