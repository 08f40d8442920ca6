# The only entry point for people and CI; `make help` lists the targets.
SHELL := /bin/bash
.DEFAULT_GOAL := help

UV := $(shell command -v uv || echo build/uv/bin/uv)
RUN := $(UV) run --no-sync
LOCAL := PYTHONPATH=deploy/local $(RUN) python -m local_cluster
# A worker takes its next test when it is free: one that waits holds up no others.
EACH := --maxschedchunk 1

# Tests start Python a thousand times: what it has compiled is kept.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: install
install: .venv/ready ## Install the project and its tools into .venv, and what the image holds into build/runtime

.venv/ready: pyproject.toml uv.lock
	@command -v $(UV) >/dev/null || { echo "uv is missing: installing it into build/uv"; \
	  python3 -m venv build/uv && build/uv/bin/pip install --quiet uv; }
	$(UV) sync --locked
	UV_PROJECT_ENVIRONMENT=build/runtime $(UV) sync --locked --no-dev --extra api --extra traces
	@touch $@

.PHONY: check
check: install ## Format, lint, types, layers, generated files
	$(RUN) ruff format --check .
	$(RUN) ruff check .
	$(RUN) mypy
	$(RUN) lint-imports
	$(RUN) process-operator crds --check
	PYTHONPATH=deploy/local:deploy/chart $(RUN) python -m render --check
	@test ! -e operator/__init__.py || { echo "operator/__init__.py would shadow the standard library's operator: remove it"; exit 1; }

.PHONY: generate
generate: install ## Write what is generated: crds/ from the models, install.yaml and a table from the chart
	$(RUN) process-operator crds
	PYTHONPATH=deploy/local:deploy/chart $(RUN) python -m render

.PHONY: format
format: install ## Format the code
	$(RUN) ruff format .
	$(RUN) ruff check --fix .

.PHONY: test-pure
test-pure: install ## Run the tests that need no cluster
	$(RUN) pytest tests/pure -n auto

.PHONY: test
test: check test-pure test-cluster test-e2e test-faults ## Set up all that is needed and run every test

.PHONY: demo
demo: install ## Show the main job: cluster, operator, Traefik and an application, step by step
	PYTHONPATH=deploy/local:deploy/image $(RUN) python -m demo

.PHONY: demo-kind
demo-kind: install ## Show it on kind, with a node image made from packages (Docker or Podman; no registry)
	PYTHONPATH=deploy/local $(RUN) python -m kind_node
	CLUSTER=kind KIND_NODE_IMAGE=localhost/process-operator-kind-node:latest $(MAKE) demo

.PHONY: demo-stop
demo-stop: install ## Remove what the demo made; the cluster stays
	PYTHONPATH=deploy/local:deploy/image $(RUN) python -m demo stop

.PHONY: docs
docs: install ## Build the documentation into build/docs, with every link checked
	NO_MKDOCS_2_WARNING=1 $(UV) run --frozen --group docs mkdocs build --quiet

.PHONY: cluster
cluster: install ## Bring a local Kubernetes cluster up (CLUSTER=node|kwok|kind|current; without it the best one)
	$(LOCAL) up

.PHONY: cluster-stop
cluster-stop: install ## End the local clusters, also those of tests, and all that belongs to them
	$(LOCAL) down

.PHONY: run
run: install ## Run the operator in the foreground against KUBECONFIG, as its own ServiceAccount
	PYTHONPATH=deploy/local $(RUN) python -m operate

.PHONY: api
api: install ## Run the REST API in the foreground against KUBECONFIG, as its own ServiceAccount
	PYTHONPATH=deploy/local $(RUN) python -m serve_api

.PHONY: image
image: install ## Build the operator's image for amd64 and arm64 as an OCI archive, without an engine: build/image/
	PYTHONPATH=deploy/local:deploy/image $(RUN) python -m operator_image

.PHONY: audit
audit: install ## Look up known vulnerabilities of what the image is made of (needs the public index)
	$(UV) export --quiet --frozen --no-dev --no-emit-project --extra api --extra traces -o build/requirements.txt
	$(UV) tool run pip-audit --strict --disable-pip --requirement build/requirements.txt

.PHONY: test-cluster
test-cluster: install ## Run the tests against a real API server and real controllers
	$(RUN) pytest tests/cluster -n 10 $(EACH)

.PHONY: test-e2e
test-e2e: install ## Run the tests with real pods, Traefik and traffic (Linux, root; KEEP=1 keeps the cluster)
	$(RUN) pytest tests/e2e -n 6 $(EACH) -m "not alone and not gitops and not long and not contour and not keda"
	$(RUN) pytest tests/e2e -m "alone and not upgrade"

.PHONY: test-upgrade
test-upgrade: install ## Go from the last released version to this one and back, with real pods and traffic
	$(RUN) pytest tests/e2e -m upgrade

.PHONY: test-traffic
test-traffic: install ## Release fifty times in a row under load, by Traefik and by Contour with Envoy, and lose no request
	$(UV) run --locked --group traffic pytest tests/e2e -n 2 -m "long or contour" -s

.PHONY: test-keda
test-keda: install ## Let the real KEDA scale a process from nothing and back (builds it first)
	$(RUN) pytest tests/e2e -m keda

.PHONY: test-gitops
test-gitops: install ## Let the real Argo CD and Flux follow a Git server, and print what they say (builds them first)
	$(RUN) pytest tests/e2e -n 4 -m gitops

.PHONY: test-faults
test-faults: install ## Spoil writes, watches, network and server (FULL=--full: the whole matrix, and its table)
	PYTHONPATH=tests $(RUN) pytest tests/faults $(if $(FULL),tests/cluster tests/pure/release) -n $(if $(FULL),5,9) $(EACH) $(FULL)

.PHONY: soak
MINUTES ?= 30
soak: install ## Let random users and random faults loose for MINUTES, then see that the world is right (SEED=)
	PYTHONPATH=tests:deploy/local $(RUN) python -m soak --minutes $(MINUTES) $(if $(filter command line,$(origin SEED)),--seed $(SEED))

.PHONY: test-monitoring
test-monitoring: install ## Ask a real Prometheus every query of dashboard and alerts, and see each alert fire
	$(RUN) pytest tests/monitoring

.PHONY: test-clients
TERRAFORM ?= terraform
PROVIDER ?=
CLI ?= sevalla
SUITES ?=
test-clients: install ## Drive the hosted platform's own clients against the API (PROVIDER= CLI= SUITES=, see tests/clients)
	@PYTHONPATH=tests:deploy/local $(RUN) python tests/clients \
	  --terraform "$(TERRAFORM)" --provider "$(PROVIDER)" --cli "$(CLI)" \
	  --suites "$(SUITES)"

.PHONY: test-generated-clients
test-generated-clients: install ## Make three clients of the OpenAPI document and let each drive an application
	@PYTHONPATH=tests:deploy/local:tests/clients $(RUN) python tests/clients/generated.py

.PHONY: mutants
SEED ?= 1
mutants: N := $(if $(filter command line,$(origin N)),$(N),200)
mutants: install ## Change the pure rooms in N places, one at a time, and see whether a test notices
	PYTHONPATH=tests $(RUN) python -m mutants --n $(N) --seed $(SEED)

.PHONY: bench
N ?= 1000
bench: install ## Measure writes, CPU, memory and time with N processes, beside a floor client
	PYTHONPATH=tests:deploy/local $(RUN) python -m bench --n $(N)

.PHONY: bench-releases
bench-releases: install ## Release a hundred applications at once, each with a job before
	PYTHONPATH=tests:deploy/local $(RUN) python -m bench.releases

.PHONY: bench-api
bench-api: install ## Measure the REST API under load, beside the raw calls of kubectl
	PYTHONPATH=tests:deploy/local $(RUN) python -m bench.api --n $(N)
