"""A real Kubernetes cluster from source, as child processes under one folder: what the tests and the demo run on."""
