# Every target does its own set-up: `make demo` and `make test` need nothing but a Linux machine.
# Variables of the cluster targets: NODES=real|kwok|both|none KWOK_NODES=50 KCM_QPS=20 CLUSTER=kind STATE=.cluster
# KUBERNETES_SITE=none builds Kubernetes instead of downloading it; another address is a mirror of https://dl.k8s.io/release.
# Variable of the demo and the tests: KEEP=1 leaves their cluster up.
# Variables of the benchmark: QUICK=1 for small sizes; BENCH="--scenarios live --repeats 1" for flags.

.DEFAULT_GOAL := help
.PHONY: help demo test test-unit test-integration test-e2e lint docs browser bench generate cluster-up cluster-status cluster-down run image deploy load sample-image

VENV := .venv
READY := $(VENV)/.synced
PY := $(VENV)/bin/python
export PYTHONPATH := operator:tests:tools
export NODES KWOK_NODES KCM_QPS CLUSTER STATE KEEP QUICK KUBERNETES_SITE

help: ## Say what can be made
	@awk 'BEGIN {FS = ":.*## "} /^[a-z0-9-]+:.*## / {printf "  make %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(READY) ## A real cluster, real pods: a sweep is cancelled half-way, a second one completes
	@$(PY) -m demo

test: $(READY) ## All that CI runs: lint, unit, integration (KWOK nodes), e2e (real node, needs root)
	@$(PY) -m stages lint unit integration e2e

test-unit: $(READY) ## Unit tests alone, some seconds
	@$(PY) -m stages unit

test-integration: $(READY) ## Tests against a real control plane with fake nodes
	@$(PY) -m stages integration

test-e2e: $(READY) ## Tests of the deployed operator on a real node
	@$(PY) -m stages e2e

lint: $(READY) ## Format, lint, types, layers, the documentation without a warning
	@$(PY) -m stages lint

docs: $(READY) ## The documentation as a site in build/site; the build fails on a warning
	@$(PY) -m docsite

browser: $(READY) ## Install Chromium, which the test of the site needs (Debian, root)
	@$(PY) -m docsite.browser

bench: $(READY) ## How fast it starts and cancels sweeps, beside its references; QUICK=1 for small sizes
	@$(PY) -m bench $(BENCH)

generate: $(READY) ## Write the files that are made from code: the CRD, docs/api.md, docs/fields.md
	@$(PY) -m generated

cluster-up: $(READY) ## Start a Kubernetes cluster without containers; kubeconfig in .cluster/kubeconfig
	@$(PY) -m cluster up

cluster-status: $(READY) ## Say what of it runs and where its logs are
	@$(PY) -m cluster status

cluster-down: $(READY) ## End it and remove all that it made
	@$(PY) -m cluster down

run: $(READY) ## Run the operator from source against $KUBECONFIG, one replica, text logs
	@$(PY) -m simjob --no-leader-election --log-format text

image: $(READY) ## Build the operator's image into build/operator.tar
	@$(PY) -m cluster image

load: $(READY) ## Give the node of cluster-up an image: make load ARCHIVE=solver.tar
	@$(PY) -m cluster load $(ARCHIVE)

sample-image: $(READY) ## Build the image of manifests/samples/rc-filter.yaml, for the node of cluster-up
	@$(PY) -m cluster image --context manifests/samples/rc-filter --tag simjob.local/rc-filter:dev --out build/rc-filter.tar
	@$(PY) -m cluster load build/rc-filter.tar

deploy: $(READY) ## Image, load, apply, wait until the operator is available on the cluster of cluster-up
	@$(PY) -m cluster deploy

$(READY): pyproject.toml uv.lock tools/bootstrap.sh
	@tools/bootstrap.sh $(VENV)
	@touch $@
