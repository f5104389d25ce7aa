"""The offline plugin: `kubernetes:*` resources, where the official one cannot be had.

It answers Pulumi as the official plugin 4.32 did in the recordings of tests/plugin; a difference is a bug here.
It does not do Helm, YAML and Kustomize components, client-side apply and List resources, and it treats a
CustomResourceDefinition like any other object.
"""
