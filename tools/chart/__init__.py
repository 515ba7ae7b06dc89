"""The Helm chart in manifests/chart, made from the kustomizations beside it: what kustomize renders is its default."""
