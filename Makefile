# Everything a newcomer needs: `make test` and `make demo` do their own set-up and can be repeated.
SHELL := /bin/bash
export PATH := $(CURDIR)/node_modules/.bin:$(PATH)

.PHONY: help test test-fast test-full check demo demo-kubernetes clean setup packages

help:
	@echo "make demo       a real Flink job on this machine, changed, broken and healed, every record counted"
	@echo "make demo-kubernetes   the same on a real Kubernetes on this machine (root)"
	@echo "make test       checks, unit, integration and end-to-end tests (those on Kubernetes: root)"
	@echo "make test-fast  the same without the end-to-end tests"
	@echo "make test-full  the same with more modes and versions, and the testbed's own test"
	@echo "make check      what needs no cluster: format, lint, types, unused code, unit tests"
	@echo "make clean      the testbed down, dependencies and results removed"

test: setup
	@node tools/test.ts unit integration local e2e

test-fast: setup
	@node tools/test.ts unit integration

test-full: setup
	@node tools/test.ts unit integration-full local selftest e2e-full

check: setup
	@node tools/check.ts

demo:
	@testbed/requirements.sh local
	@$(MAKE) --no-print-directory packages
	@node testbed/demo.ts

demo-kubernetes: setup
	@if [ "$$(id -u)" != 0 ]; then echo "make demo-kubernetes needs root: it runs containers on this machine"; exit 1; fi
	@bin/testbed up
	@node testbed/demo-kubernetes.ts

clean:
	@if [ -e node_modules/.bin/node ]; then bin/testbed down; bin/testbed down --size api; fi
	rm -rf node_modules dist coverage
	@echo "programs and images stay in $${SLUICE_CACHE:-$$HOME/.cache/sluice} (rm -rf it to build them anew)"

# The installed packages are those of the lock file. Not `npm ci`: it insists on an entry for every other platform's
# binaries, which a registry that mirrors only some platforms cannot give. --no-save: the lock file is never rewritten.
setup:
	@testbed/requirements.sh
	@$(MAKE) --no-print-directory packages

packages:
	@cmp -s package-lock.json node_modules/.installed-lock || { echo "installing npm packages"; npm install --no-save --no-audit --no-fund --loglevel=error && cp package-lock.json node_modules/.installed-lock; }
