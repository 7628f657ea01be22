# `make run` and `make test` do everything from a fresh clone; they need make and Python 3.13.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# What a shell may set for another project: it would change where Python finds its modules.
unexport PYTHONPATH PYTHONHOME PYTHONSAFEPATH PYTHONUSERBASE PYTHONINSPECT PYTHONPLATLIBDIR VIRTUAL_ENV CONDA_PREFIX

PYTHON := .venv/bin/python
LOCAL_AZURE := $(PYTHON) -m local_azure
REQUIREMENTS := requirements-dev.txt local-azure/pyproject.toml .python-version

.PHONY: help
help: ## Show this
	@echo 'Usage: make <target>'
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "  %-16s %s\n", $$1, $$2 }'

.PHONY: run
run: .venv/installed ## Start everything on this machine; Ctrl-C ends it; options: ACCESS=customers ARGS=--free-ports
	@$(PYTHON) -m tools.access run '$(or $(ACCESS),open)' $(ARGS)

# What these two print is for `$(…)` in a shell: what the set-up says must not be part of it.
.PHONY: token
token: ## Print a customer's token for a running system; the customer's number at kakao: SUB=yeon
	@$(MAKE) --silent .venv/installed >&2
	@$(PYTHON) -m tools.access token '$(or $(SUB),$(error for whom? Say it with SUB: make token SUB=yeon))'

.PHONY: operator-token
operator-token: ## Print an operator's token for a running system; another operator: NAME=mina
	@$(MAKE) --silent .venv/installed >&2
	@$(PYTHON) -m tools.access operator-token $(NAME)

# What local_azure says then is for those who start it themselves.
NOT_RUNNING := { code=$$?; [ $$code -ne 3 ] || echo 'Start it with `make run`.' >&2; exit $$code; }

.PHONY: demo
demo: .venv/installed ## Play the scenario on a system of its own, step by step; also with ACCESS=customers
	@$(PYTHON) -m tools.play $(ACCESS)

.PHONY: status
status: .venv/installed ## Show what runs, and where it listens
	@$(LOCAL_AZURE) status || { [ $$? -eq 1 ] || { echo 'Start it with `make run`.' >&2; exit 1; }; } # 1: not everything runs

.PHONY: logs
logs: .venv/installed ## Show the logs as they come; Ctrl-C ends it
	@$(LOCAL_AZURE) logs --follow || [ $$? -eq 130 ]

.PHONY: stop-kakao
stop-kakao: .venv/installed ## Stop the kakao app, to see how the others do without it
	@$(LOCAL_AZURE) stop kakao || $(NOT_RUNNING)

.PHONY: start-kakao
start-kakao: .venv/installed ## Start the kakao app again
	@$(LOCAL_AZURE) start kakao || $(NOT_RUNNING)

.PHONY: reset
reset: .venv/installed ## Delete the local data and logs; end the running system first
	@$(LOCAL_AZURE) reset

PYTEST := -m pytest --numprocesses 3 --dist loadgroup

.PHONY: test
test: test-product $(if $(ARGS),,test-local-azure) ## Run all tests; some of them: make test ARGS=tests/unit/domain

.PHONY: test-product
test-product: .venv/installed
	@$(PYTHON) $(PYTEST) $(ARGS)

.PHONY: test-local-azure
test-local-azure: .venv/installed ## Run the tests of the local Azure; some of them: ARGS=tests/unit/cosmos
	@cd local-azure && ../$(PYTHON) $(PYTEST) $(ARGS)

# Each is a hook of .pre-commit-config.yaml too.
CHECKS := check-style check-types check-imports check-workflows

.PHONY: check $(CHECKS)
check: $(CHECKS) ## Check style, format, types, imports and workflows

check-style: .venv/installed
	@$(PYTHON) -m ruff check .
	@$(PYTHON) -m ruff format --check .

check-types: .venv/installed
	@$(PYTHON) -m mypy
	@cd local-azure && ../$(PYTHON) -m mypy

check-imports: .venv/installed
	@report=$$(.venv/bin/lint-imports --no-logo --no-cache) || { echo "$$report"; exit 1; }
	@echo 'imports: all contracts kept'

check-workflows: .venv/installed
	@.venv/bin/zizmor --offline --quiet --no-progress --persona auditor .github
	@$(PYTHON) -m check_jsonschema --quiet --builtin-schema vendor.github-workflows .github/workflows/*.yml
	@$(PYTHON) -m check_jsonschema --quiet --builtin-schema vendor.dependabot .github/dependabot.yml

.PHONY: format
format: .venv/installed ## Format the code, and Bicep where its compiler is installed
	@$(PYTHON) -m ruff check --fix-only --quiet .
	@$(PYTHON) -m ruff format .
	@infra/bicep/format

.PHONY: lock
lock: .venv/installed ## Pin what pyproject.toml asks for; the newest of all: make lock ARGS=--upgrade
	@tools/lock $(ARGS)

.PHONY: infra
infra: ## Check the infrastructure, as far as that goes without Azure; needs bicep (`az bicep install`)
	@infra/bicep/check $(ARGS)
	@infra/openapi-lint/check

.PHONY: infra-tools
infra-tools: .venv-infra/installed infra/openapi-lint/node_modules/installed ## Install checkov and Redocly for `make infra`

.PHONY: package
package: .venv/installed ## Build what is deployed: dist/ssak8.zip, the same bytes for the same files
	@$(PYTHON) -m tools.delivery.package

.PHONY: foundation
foundation: .venv/installed ## Create what needs rights on the subscription, once: make foundation ENV=dev
	@$(PYTHON) -m tools.delivery foundation '$(ENV)'

.PHONY: what-if
what-if: .venv/installed ## Show what a deployment would change on Azure: make what-if ENV=dev
	@$(PYTHON) -m tools.delivery what-if '$(ENV)'

.PHONY: deploy
deploy: .venv/installed ## Deploy infrastructure and apps to Azure: make deploy ENV=dev
	@$(PYTHON) -m tools.delivery deploy '$(ENV)'

# Its output is for `eval`: what the set-up says must not be part of it.
.PHONY: names
names: ## Print the names of everything on Azure, for `eval` in a shell: make names ENV=prod
	@$(MAKE) --silent .venv/installed >&2
	@$(PYTHON) -m tools.delivery names '$(ENV)'

.PHONY: destroy
destroy: .venv/installed ## Delete an environment on Azure with its data: make destroy ENV=dev
	@$(PYTHON) -m tools.delivery destroy '$(ENV)'

.PHONY: smoke
smoke: .venv/installed ## Play the calls against a running system: ENV=dev on Azure, or URL=http://…
	@$(PYTHON) -m tools.delivery.smoke $(if $(URL),--url '$(URL)',--environment '$(ENV)') $(ARGS)

.PHONY: redrive
redrive: .venv/installed ## Show what was put aside, and dead letters; ARGS=--send sends them again; ENV=dev for Azure
	@$(PYTHON) -m tools.delivery.redrive $(if $(ENV),--environment '$(ENV)',--local) $(ARGS)

.PHONY: bench
bench: .venv/installed ## Measure everything beside the original, in twenty minutes; shorter: ARGS="--scale 0.1"
	@$(PYTHON) -m tools.bench all $(ARGS)

.PHONY: picture
picture: .venv/installed ## Draw the picture of README, docs/pictures/running.svg; needs HTTPie
	@$(PYTHON) -m tools.picture

.PHONY: screenshots
screenshots: .venv/installed ## Take pictures of every page of my page, in dist/screenshots; needs Chromium
	@$(PYTHON) -m tools.browser.screenshots $(ARGS)

.PHONY: clean
clean: ## Delete what was installed and built, but no data
	@rm -rf .venv .venv-infra infra/openapi-lint/node_modules dist
	@find . -type d '(' -name __pycache__ -o -name '.*_cache' -o -name .hypothesis ')' -prune -exec rm -rf {} +

# Newer than every file that says what to install. A checkout that was moved or copied has the path of the old place in it,
# as have the programs beside it.
.venv/installed: $(REQUIREMENTS)
	@tools/set-up

.venv-infra/installed: infra/requirements.txt .venv/installed
	@tools/set-up .venv-infra infra/requirements.txt

moved = $(shell [ ! -e $(1) ] || { [ -x $(1)/bin/python ] && pwd -P | cmp -s - $(1)/installed; } || echo $(1)/installed)
.PHONY: $(call moved,.venv) $(call moved,.venv-infra)

infra/openapi-lint/node_modules/installed: infra/openapi-lint/package-lock.json
	@npm ci --prefix infra/openapi-lint --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@
