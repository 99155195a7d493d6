# `make help` lists the targets.
.DEFAULT_GOAL := help
.PHONY: help setup build types compiler native test-tools run tour test test-all bypass-guards conformance check format bench bench-engine bench-gateway bench-streams bench-tools bench-identity bench-retrieval bench-limits bench-day bench-state bench-fences bench-live bench-agents bench-spill bench-push bench-activation pack clean
SHELL := /bin/bash

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-15s %s\n", $$1, $$2}'

setup: node_modules/.package-lock.json ## check the prerequisites, install npm packages

node_modules/.package-lock.json: package-lock.json
	@deploy/prerequisites.sh node npm
	@echo "installing npm packages"
	@npm ci --no-fund --no-audit --loglevel=error
	@touch $@

build: ## build everything: toolchain, TypeScript, command
	@$(MAKE) --no-print-directory -j2 types compiler
	@sidecar/rego/toolchain/build.sh

types: setup
	@npx tsc -b

# while npm fetches packages
compiler:
	@deploy/prerequisites.sh go
	@sidecar/rego/toolchain/build.sh toolchain

native: ## build the Rego compiler for this machine, too: authors' commands are then some six times as fast
	@deploy/prerequisites.sh go
	@sidecar/rego/toolchain/build.sh native

run: build ## start sidecar, gateway and demo upstreams on embedded defaults
	@bin/countersign.js run --demo

tour: ## send the product's scenarios through the running demo
	@bin/countersign.js demo tour

test: ## set up what tests need and run all of them
	@$(MAKE) --no-print-directory -j3 types compiler test-tools
	@sidecar/rego/toolchain/build.sh
	@deploy/test.sh

# what is fetched while the compilers run
test-tools:
	@deploy/prerequisites.sh redis-server promtool postgres
	@deploy/python-clients.sh

test-all: build ## the same, with 50,000 comparisons with OPA's evaluator, 100,000 pairs of questions to the cache's key, a real Keycloak, a real LangServe, a real OpenSearch, a real registry and S3, and MCP's conformance tool across its eras, fail-overs of Redis, and OPA's verifier of signatures
	@deploy/prerequisites.sh redis-server promtool postgres java mvn
	@[ -d .cache/python/jwt ] || python3 -m pip install --quiet --target .cache/python pyjwt==2.10.1 cryptography \
	  || echo "PyJWT couldn't be had: its example isn't run"
	@deploy/langserve.sh
	@deploy/opensearch.sh
	@deploy/stores.sh
	@sidecar/rego/toolchain/build.sh native
	@NATIVE=1 NODE_OPTIONS="--no-warnings" npx jest dist/test/cli/author
	@IMAGE=1 RANDOM_CASES=1 KEYCLOAK=1 LANGSERVE=1 OPENSEARCH=1 STORES=1 MCP_CONFORMANCE=1 DIFFERENTIAL_RUNS=50000 RETRIEVAL_RUNS=1000 CACHE_PROOF_PAIRS=100000 REDIS_FAULTS=1 BUNDLE_CRASHES=20 BUNDLE_MUTANTS=1000 OPA_SIGNATURES=1 deploy/test.sh

bypass-guards: build ## take each guard out of a copy of the gateway; the bypass suites must see it (docs/gateway-bypass.md)
	@node --no-warnings dist/test/bypass/prove-guards.js
	@node --no-warnings dist/test/bypass-tools/prove-guards.js
	@node --no-warnings dist/test/bypass-retrieval/prove-guards.js

conformance: build ## run OPA's own 4,419 cases through toolchain and engine (docs/conformance.md)
	@node --no-warnings dist/test/conformance/main.js

check: build ## format, lint, then all that `make test` does
	@npx prettier --check .
	@npx eslint .
	@$(MAKE) --no-print-directory test

format: setup ## format the sources
	@npx prettier --write .

bench: build ## measure decisions, the data door beside OPA, the library, the gateway, memory and starts (docs/performance.md)
	@for one in start data/main data/in-process decisions/main main; do node --no-warnings dist/bench/$$one.js || exit 1; done

bench-engine: build ## measure the engine beside opa-wasm and OPA (docs/performance.md)
	@node --no-warnings dist/bench/engine/main.js

bench-gateway: build ## measure the gateway beside LiteLLM and Portkey (docs/performance.md)
	@node --no-warnings dist/bench/gateway/main.js

bench-streams: build ## keep 500 streams open through the gateway for five minutes (docs/performance.md)
	@node --no-warnings dist/bench/gateway/streams.js

bench-tools: build ## measure calls and lists of tools, and 200 sessions for five minutes (docs/performance.md)
	@for one in calls list sessions; do node --no-warnings dist/bench/tools/$$one.js || exit 1; done

bench-identity: build ## measure what each credential costs, new and known
	@for one in token proof spiffe assert; do node --no-warnings dist/bench/identity/$$one.js || exit 1; done

bench-day: build ## simulate a company's day of ten million requests through the decision cache (docs/cache.md)
	@node --no-warnings dist/bench/day/main.js

bench-state: build ## measure what tasks and limits cost, in memory and in Redis (docs/state.md)
	@node --expose-gc --no-warnings dist/bench/state/main.js

bench-retrieval: build ## measure queries through the gateway, chunks a second, and beside fetching all
	@node --no-warnings dist/bench/retrieval/main.js

bench-limits: build ## measure what limits hold a second, and what passes beyond them beside LiteLLM
	@node --no-warnings dist/bench/limits/main.js

bench-fences: build ## measure how soon ten replicas act on a fence, and what a check costs (docs/fences.md)
	@node --no-warnings dist/bench/fences/main.js

bench-push: build ## measure how soon a pushed bundle is in force in three sidecars (docs/push.md)
	@node --no-warnings dist/bench/push/main.js

bench-activation: build ## measure decisions while bundles with 10 MB of data come into force (docs/performance.md)
	@node --no-warnings dist/bench/activation/main.js

bench-live: build ## measure what the register of live things costs, and how soon a stream is cut (docs/gateway-live.md)
	@node --no-warnings dist/bench/live/main.js

bench-agents: build ## simulate 1,000 agents, 5 % of them injected, and keep score by what arrives (docs/performance.md)
	@node --no-warnings dist/bench/agents/main.js

bench-spill: build ## spill an hour of 1,000 decisions a second while their service is away (docs/decision-log.md)
	@node --no-warnings dist/bench/spill/main.js

pack: build ## make the npm package, toolchain included
	@npm pack --silent

clean: ## remove what was built
	rm -rf dist .cache coverage
