# Everything a developer or CI does, a line or two each. On a bare machine it needs Python 3.11 or newer, git and make:
# the first target that is run sets the rest up inside this folder, and later ones find it there.

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

UV_VERSION := 0.13.9
MINISTACK_VERSION := 1.5.33
SAM_VERSION := 1.170.0
LAMBDA_PYTHON := 3.13
LAMBDA_VENV := .venv-$(LAMBDA_PYTHON)

# A uv on PATH that reads this lock is as good as ours; else the pinned one goes into .tools/.
UV := $(shell command -v uv >/dev/null 2>&1 \
  && uv self version --short 2>/dev/null | { read -r have _; \
       [ "$$(printf '%s\n' 0.9 "$$have" | sort -V | head -n 1)" = 0.9 ]; } \
  && command -v uv || echo $(CURDIR)/.tools/uv/bin/uv)
export UV

PYTHON := .venv/bin/python
SYNCED := .venv/.synced
MINISTACK := .tools/ministack/.installed
MINISTACK_PINS := local/stack/ministack.txt
LAYER_PINS := layers/core/requirements.txt
FLOWS_LAYER_PINS := layers/flows/requirements.txt
NODE_CLIENT := tests/e2e/node/node_modules/.installed

SAM := SAM_CLI_TELEMETRY=0 $(UV) tool run --quiet --python $(PYTHON) --from aws-sam-cli==$(SAM_VERSION) sam

# The path of a Python of Lambda's minor that really runs (a version manager's shim may exist and refuse), or nothing.
FIND_LAMBDA_PYTHON = { \
  for python in python$(LAMBDA_PYTHON) \
      "$$($(UV) python find --no-python-downloads --managed-python $(LAMBDA_PYTHON) 2>/dev/null)" \
      "$${PYENV_ROOT:-$$HOME/.pyenv}"/versions/$(LAMBDA_PYTHON).*/bin/python; do \
    "$$python" -c 'import sys; sys.exit("%d.%d" % sys.version_info[:2] != "$(LAMBDA_PYTHON)")' 2>/dev/null \
      && "$$python" -c 'import sys; print(sys.executable)' && break; \
  done || true; }

WORKERS ?= auto
BASE ?= http://127.0.0.1:8080
ENV ?= default
ARGS ?=

.PHONY: help setup check fix test lambda-venv node-client run demo replay docs bench lock build deploy clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# -- Setting up

setup: $(SYNCED) $(MINISTACK) ## install the tools, the dependencies and the local AWS, all inside this folder

$(CURDIR)/.tools/uv/bin/uv:
	@for python in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	  if "$$python" -c 'import ensurepip, sys, venv; sys.version_info >= (3, 11) or sys.exit(1)' 2>/dev/null; then \
	    echo "Installing uv $(UV_VERSION) into .tools/uv"; \
	    "$$python" -m venv --clear .tools/uv; \
	    .tools/uv/bin/python -m pip install --quiet --disable-pip-version-check "uv==$(UV_VERSION)"; \
	    exit; \
	  fi; \
	done; \
	echo "Casement needs Python 3.11 or newer with its venv module (on Debian and Ubuntu: apt install python3-venv)," >&2; \
	echo "or uv on PATH (https://docs.astral.sh/uv/)." >&2; \
	exit 1

$(SYNCED): pyproject.toml uv.lock | $(UV)
	$(UV) sync --frozen --quiet
	@touch $@

# In a venv of its own, since it pins its own botocore.
$(MINISTACK): $(MINISTACK_PINS) $(SYNCED)
	$(UV) venv --quiet --clear --python $(PYTHON) .tools/ministack
	$(UV) pip install --quiet --python .tools/ministack/bin/python --require-hashes --requirements $(MINISTACK_PINS)
	@touch $@

$(LAMBDA_VENV)/.synced: pyproject.toml uv.lock | $(UV)
	@python="$$($(FIND_LAMBDA_PYTHON))"; \
	UV_PROJECT_ENVIRONMENT=$(LAMBDA_VENV) $(UV) sync --frozen --quiet --python "$$python"
	@touch $@

# -- Working on it

check: setup ## everything CI looks at besides the tests: style, types, lock, template
	$(PYTHON) -m ruff check
	$(PYTHON) -m ruff format --check
	$(PYTHON) -m mypy
	$(UV) lock --check --quiet
	@$(EXPORT_LAYER_PINS) | diff -u $(LAYER_PINS) - || { echo "$(LAYER_PINS) is stale: make lock" >&2; exit 1; }
	@$(EXPORT_FLOWS_LAYER_PINS) | diff -u $(FLOWS_LAYER_PINS) - || { echo "$(FLOWS_LAYER_PINS) is stale: make lock" >&2; exit 1; }
	.venv/bin/cfn-lint template.yaml
	$(SAM) validate --lint --region eu-west-1
	$(PYTHON) -m pytest -q -p no:cacheprovider tests/unit/store/test_access_patterns.py

fix: setup ## mend what ruff can mend
	$(PYTHON) -m ruff check --fix
	$(PYTHON) -m ruff format

test: setup lambda-venv node-client ## run the tests on this Python and, where there is one, on Lambda's 3.13 (ARGS= for pytest)
	@# What goes through every effect, step or history takes minutes: of two Pythons, only Lambda's own does it.
	@if [ -e $(LAMBDA_VENV)/.synced ]; then \
	  (set -x; $(PYTHON) -m pytest -n $(WORKERS) $(if $(ARGS),,-m "not exhaustive") $(ARGS)); \
	  (set -x; $(LAMBDA_VENV)/bin/python -m pytest -n $(WORKERS) $(ARGS)); \
	else \
	  (set -x; $(PYTHON) -m pytest -n $(WORKERS) $(ARGS)); \
	fi

# A second environment with Lambda's Python, where this one has another and there is one to be found.
lambda-venv: setup
	@if $(PYTHON) -c 'import sys; sys.exit("%d.%d" % sys.version_info[:2] != "$(LAMBDA_PYTHON)")'; then :; \
	elif [ -n "$$($(FIND_LAMBDA_PYTHON))" ]; then $(MAKE) --no-print-directory $(LAMBDA_VENV)/.synced; \
	else echo "No Python $(LAMBDA_PYTHON) here, which is what Lambda runs: $$($(PYTHON) -V) stands for it."; \
	fi

# A client for Node, which some of the tests run, where there is a Node to run it; they are skipped where there is none.
node-client:
	@if node -e 'process.exit(Number(parseInt(process.versions.node) < 20))' 2>/dev/null && command -v npm >/dev/null 2>&1; \
	then $(MAKE) --no-print-directory --silent $(NODE_CLIENT); \
	else echo "No Node 20 or newer with npm here: the tests of a client for Node are skipped."; \
	fi

$(NODE_CLIENT): $(addprefix tests/e2e/node/,package.json package-lock.json .npmrc)
	@if npm ci --prefix tests/e2e/node --loglevel=error >/dev/null; then touch $@; \
	elif [ -n "$${CI:-}" ]; then exit 1; \
	else echo "npm could not install the client for Node: its tests are skipped." >&2; \
	fi

run: setup ## start the local stack, play a first conversation, stay up
	$(PYTHON) -m local.stack $(ARGS)

demo: setup ## play the first conversation and stop; fails if any step came out wrong
	$(PYTHON) -m local.stack --demo $(ARGS)

replay: setup ## post a folder of webhook bodies to a running stack: CORPUS=dir [BASE=url]
	@[ -n "$(CORPUS)" ] || { echo "Which folder? make replay CORPUS=<dir>" >&2; exit 2; }
	$(PYTHON) -m local.replay "$(CORPUS)" --base "$(BASE)" $(ARGS)

docs: setup ## write docs/event-types.md anew, from the schemas of events
	$(PYTHON) -m local.event_docs

bench: build lambda-venv ## measure cold start, warm cost, DynamoDB units, answers and deliveries; writes build/bench.json
	$(PYTHON) -m local.bench $(ARGS)

# -- Locking: after any change of a dependency, in pyproject.toml or of the versions above

EXPORT_PINS = $(UV) export --quiet --frozen --no-emit-project --no-annotate --no-header
EXPORT_LAYER_PINS = $(EXPORT_PINS) --no-default-groups
EXPORT_FLOWS_LAYER_PINS = $(EXPORT_PINS) --only-group flows

lock: $(UV) ## lock the dependencies, and write the layers' and the local AWS's pins
	$(UV) lock
	$(EXPORT_LAYER_PINS) > $(LAYER_PINS)
	$(EXPORT_FLOWS_LAYER_PINS) > $(FLOWS_LAYER_PINS)
	echo "ministack==$(MINISTACK_VERSION)" | $(UV) pip compile --quiet --no-config --universal --python-version 3.11 \
	  --generate-hashes --no-annotate --no-header --upgrade - > $(MINISTACK_PINS)

# -- Shipping

build: setup ## build what is deployed: arm64, compiled for Lambda's Python, into .aws-sam/build
	$(SAM) build --config-env $(ENV)
	@# Lambda's code is read-only, so what has no .pyc is compiled again at every cold start. unchecked-hash: the time
	@# stamps that a .pyc is usually checked by do not survive SAM's zip.
	@python="$$($(FIND_LAMBDA_PYTHON))"; \
	if [ -z "$$python" ]; then \
	  echo "WARNING: no Python $(LAMBDA_PYTHON) here, so nothing was compiled: every cold start will take up to twice as long." >&2; \
	  echo "         Mend it with \`$(UV) python install $(LAMBDA_PYTHON)\` and build again." >&2; \
	  exit; \
	fi; \
	find .aws-sam/build -name __pycache__ -prune -exec rm -rf {} +; \
	for built in .aws-sam/build/*; do \
	  case "$$built" in *.yaml) continue ;; */*Layer) place=/opt ;; *) place=/var/task ;; esac; \
	  "$$python" -m compileall -q -j 0 --invalidation-mode unchecked-hash -s "$$built" -p "$$place" "$$built"; \
	done; \
	echo "Compiled for Python $(LAMBDA_PYTHON) with $$python"

deploy: build ## deploy to AWS: [ENV=dev], ARGS=--guided the first time
	$(SAM) deploy --config-env $(ENV) $(ARGS)

clean: ## remove what builds, tests and checks leave behind (.venv and .tools stay)
	rm -rf .aws-sam build .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -not -path './.venv*' -not -path './.tools/*' -prune -exec rm -rf {} +
