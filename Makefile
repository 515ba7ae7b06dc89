# Every target does its own set-up: `make demo` and `make test` need nothing but a Linux machine.
# Variables of the cluster targets: NODES=real|kwok|both|none KWOK_NODES=50 KCM_QPS=20 CLUSTER=kind STATE=.cluster
# KUBERNETES=1.34 is another version of Kubernetes, for these and for test-integration; it has fake nodes only.
# KUBERNETES_SITE=none builds Kubernetes instead of downloading it; another address is a mirror of https://dl.k8s.io/release.
# Variable of the demo and the tests: KEEP=1 leaves their cluster up.
# Variables of the benchmark: QUICK=1 for small sizes; BENCH="--scenarios live --repeats 1" for flags.

.DEFAULT_GOAL := help
.PHONY: help demo test test-unit test-integration test-e2e test-versions test-tools lint docs browser bench generate cluster-up cluster-status cluster-down run image deploy load sample-image release

VENV := .venv
READY := $(VENV)/.synced
PY := $(VENV)/bin/python
export PYTHONPATH := operator:tests:tools
export NODES KWOK_NODES KCM_QPS CLUSTER STATE KEEP QUICK KUBERNETES KUBERNETES_SITE

help: ## List the targets
	@awk 'BEGIN {FS = ":.*## "} /^[a-z0-9-]+:.*## / {printf "  make %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(READY) ## On a real cluster with real pods, cancel one sweep half-way and complete another
	@$(PY) -m demo

test: $(READY) ## Run all tests: lint, unit, integration (KWOK nodes), e2e (real node, needs root)
	@$(PY) -m stages lint unit integration e2e

test-unit: $(READY) ## Run the unit tests, without a cluster
	@$(PY) -m stages unit

test-integration: $(READY) ## Run the tests against a real control plane with fake nodes
	@$(PY) -m stages integration

test-e2e: $(READY) ## Run the tests of the deployed operator on a real node
	@$(PY) -m stages e2e

test-versions: $(READY) ## Run a selection of the integration tests on each supported version; VERSIONS="1.33 1.36" for some
	@$(PY) -m compatibility $(VERSIONS)

test-tools: $(READY) ## Run the tests with tools of other projects, which are built once; not part of `make test`
	@$(PY) -m stages tools

lint: $(READY) ## Check format, lint, types, layers and the documentation
	@$(PY) -m stages lint

docs: $(READY) ## Build the documentation site in build/site; a warning fails the build
	@$(PY) -m docsite

browser: $(READY) ## Install Chromium for the test of the site (Debian, root)
	@$(PY) -m docsite.browser

bench: $(READY) ## Measure how fast sweeps start and cancel, next to references; QUICK=1 for small sizes
	@$(PY) -m bench $(BENCH)

generate: $(READY) ## Write the generated files: the CRD, the Helm chart, docs/api.md, docs/fields.md, the end of docs/tables.md
	@$(PY) -m generated

cluster-up: $(READY) ## Start a Kubernetes cluster without containers; kubeconfig in .cluster/kubeconfig
	@$(PY) -m cluster up

cluster-status: $(READY) ## Show the processes of the cluster and their logs
	@$(PY) -m cluster status

cluster-down: $(READY) ## Stop the cluster and remove everything it created
	@$(PY) -m cluster down

run: $(READY) ## Run the operator from source against $KUBECONFIG, one replica, text logs
	@$(PY) -m simjob --no-leader-election --log-format text

image: $(READY) ## Build the operator's image into build/operator.tar
	@$(PY) -m cluster image

load: $(READY) ## Import an image into the node of cluster-up: make load ARCHIVE=solver.tar
	@$(PY) -m cluster load $(ARCHIVE)

sample-image: $(READY) ## Build the image of manifests/samples/rc-filter.yaml, for the node of cluster-up
	@$(PY) -m cluster image --context manifests/samples/rc-filter --tag simjob.local/rc-filter:dev --out build/rc-filter.tar
	@$(PY) -m cluster load build/rc-filter.tar

release: $(READY) ## Write a release into build/release: make release VERSION=0.2.0 IMAGE=registry/name
	@$(PY) -m release "$(VERSION)" $(if $(IMAGE),--image "$(IMAGE)")

deploy: $(READY) ## Build, load and apply the operator on the cluster of cluster-up; wait until it is available
	@$(PY) -m cluster deploy

$(READY): pyproject.toml uv.lock tools/bootstrap.sh
	@tools/bootstrap.sh $(VENV)
	@touch $@
