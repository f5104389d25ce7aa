"""The offline plugin: `kubernetes:*` resources, where the official one cannot be had.

It answers Pulumi as the official plugin 4.32 did in the recordings of tests/plugin; a difference is a bug here.
Not here: Helm, YAML and Kustomize components, client-side apply, List resources, custom resource definitions' specials.
"""
