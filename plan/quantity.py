"""Kubernetes quantities as the API server writes them back, so that nothing ever differs."""


def mib_quantity(mib: int) -> str:
    """2048 MiB is 2Gi, 1500 MiB is 1500Mi."""
    return f"{mib // 1024}Gi" if mib % 1024 == 0 else f"{mib}Mi"
