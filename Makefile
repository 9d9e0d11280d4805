# `make` lists what there is. Every target first sets up what it needs and is missing.

.DEFAULT_GOAL := help
SHELL := /usr/bin/env bash
.SHELLFLAGS := -eu -o pipefail -c

# The profile that `run` and everything that talks to a running server use: optimised, without link-time optimisation.
PROFILE ?= fast
BOXOFFICE := cargo run --quiet --profile $(PROFILE) --
# What measures the server is a workspace of its own, built into the same folder.
LOADTEST := --manifest-path loadtest/Cargo.toml
# Folder of the private PostgreSQL, for `psql` and `clean-data`.
DATA ?= data

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^##@/ { printf "\n%s\n", substr($$0, 5) } /^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

##@ Every day

.PHONY: run
run: setup ## Build an optimised server and start it, with a PostgreSQL of its own and demo data
	cargo run --profile $(PROFILE) -- serve

.PHONY: dev
dev: setup ## Run the server and restart it on every save (with bacon)
	@scripts/cargo-tool bacon "restarts the server on every save"
	bacon --headless serve

.PHONY: test
test: setup lint ## Check format and lints, then run every test
	@scripts/setup tests
	@if scripts/cargo-tool cargo-nextest "runs the tests, each in a process of its own"; then \
		cargo nextest run --workspace --no-fail-fast; \
		cargo nextest run --workspace --no-fail-fast $(LOADTEST) --target-dir target; \
	else \
		echo "make test: cargo-nextest can't be installed here; running plain cargo test"; \
		cargo test --workspace --all-targets; \
		cargo test --workspace --all-targets $(LOADTEST) --target-dir target; \
	fi
	cargo test --quiet --doc --workspace

.PHONY: races
RACES ?= 20000
races: setup ## Race every pair of operations that change places, with fail points; RACES=20000 PAIR=book+cancel SEED=1
	@scripts/setup tests
	@RACES="$(RACES)" PAIR="$(PAIR)" SEED="$(SEED)" scripts/races

.PHONY: money-walk money-kills
STEPS ?= 100000
SEEDS ?= 200
money-walk: setup ## Walk at random through all that moves money, with crashes; STEPS=100000 SEEDS=200 SEED=1
	@scripts/setup tests
	@STEPS="$(STEPS)" SEEDS="$(SEEDS)" SEED="$(SEED)" scripts/money-walk
KILLS ?= 20
CODE_RACES ?= 100
money-kills: setup ## Kill the server at every message of payments and refunds, race for the last use of a code; KILLS=20 CODE_RACES=100
	@scripts/setup tests
	@KILLS="$(KILLS)" CODE_RACES="$(CODE_RACES)" scripts/money-kills

.PHONY: lint
lint: setup ## Check format and lints; warnings are errors
	cargo fmt --all --check
	cargo fmt --all --check $(LOADTEST)
	cargo clippy --workspace --all-targets -- -D warnings
	cargo clippy --workspace --all-targets $(LOADTEST) --target-dir target -- -D warnings

.PHONY: env-example
env-example: ## Write .env.example anew, from what the settings in src/config say of themselves
	UPDATE_ENV_EXAMPLE=1 cargo test --quiet --lib config::example

.PHONY: fmt
fmt: ## Format the code
	cargo fmt --all
	cargo fmt --all $(LOADTEST)

##@ Database

.PHONY: migrate migrate-up migrate-down migrate-status migrate-create
migrate: migrate-up
migrate-up: setup ## Apply pending migrations
	$(BOXOFFICE) migrate up
migrate-down: setup ## Take the newest migration back
	$(BOXOFFICE) migrate down
migrate-status: setup ## Say which migrations are applied
	$(BOXOFFICE) migrate status
migrate-create: ## Make the two files of a new migration: make migrate-create NAME=add_coupons
	@scripts/migrate-create "$(NAME)"

.PHONY: seed
seed: setup ## Load the demo data; make seed ARGS='--scenario loadtest --users 100 --out fixture.json' for another
	$(BOXOFFICE) seed $(ARGS)

.PHONY: psql
psql: setup ## Open a console on DATABASE_URL or on the running server's private PostgreSQL
	@scripts/psql "$(DATA)"

.PHONY: clean-data
clean-data: ## Delete the private PostgreSQL with everything in it; asks first
	@scripts/clean-data "$(DATA)"

##@ Shipping and measuring

.PHONY: release
release: setup ## Build the binary that ships: target/release/boxoffice
	cargo build --locked --release

.PHONY: release-pgo
release-pgo: setup ## Build it for the branches that a training load takes: target/pgo/boxoffice; three times as long
	@scripts/build-pgo

.PHONY: bench
bench: setup ## Run the benchmarks
	cargo bench --workspace $(ARGS)

.PHONY: loadtest
SCENARIO ?= smoke
loadtest: setup ## Run a k6 scenario (smoke, browse, on_sale, seat_rush) on a server of its own, or on URL=… with FIXTURE=…
	@PROFILE=$(PROFILE) FIXTURE="$(FIXTURE)" scripts/loadtest "$(SCENARIO)" "$(URL)" $(ARGS)

.PHONY: check-operations
check-operations: ## Check alerts, dashboard, compose file and Dockerfile; PROMETHEUS=URL asks for data there too
	@PROMETHEUS="$(PROMETHEUS)" scripts/check-operations

.PHONY: check-api
check-api: setup ## Check the OpenAPI document: lint, a generated client, schemathesis as each role; MAX_EXAMPLES=15 SEED=1
	@scripts/setup contract
	@scripts/check-api

.PHONY: cov
cov: setup ## Measure test coverage; the report is target/coverage
	@scripts/setup tests
	@scripts/coverage

.PHONY: setup
setup: ## Install what is missing on this machine, saying what and why; quiet when nothing is
	@scripts/setup

.PHONY: bench-instructions
bench-instructions: setup ## Count the instructions of a booking in groups of 1, 16 and 256, on a ledger in memory
	@scripts/setup valgrind
	@BINARY="$(BINARY)" scripts/bench-instructions

.PHONY: bench-ledger
bench-ledger: setup ## Measure what groups of 1, 16 and 256 bookings cost the database: log, pages, time
	cargo bench --profile fast --bench ledger_groups

.PHONY: bench-search
bench-search: setup ## Measure lists and searches of 100,000 events, uncached; ARGS='--events 10000 --rounds 200'
	cargo bench --bench search -- $(ARGS)

.PHONY: bench-onsale
bench-onsale: setup ## Measure on-sales against a row-locking baseline and the ceilings, about 15 minutes; ARGS=--help
	@PROFILE=$(PROFILE) BINARY="$(BINARY)" scripts/bench-onsale $(ARGS)

.PHONY: bench-crowd
bench-crowd: setup ## Measure memory and bookings with 10,000 idle connections and 5,000 live streams; ARGS=--help
	@COMMAND=crowd PROFILE=$(PROFILE) BINARY="$(BINARY)" scripts/bench-onsale $(ARGS)

.PHONY: bench-overload
bench-overload: setup ## Ask for five times what the server can do, and watch goodput, refusals and another event; ARGS=--help
	@COMMAND=overload PROFILE=$(PROFILE) BINARY="$(BINARY)" scripts/bench-onsale $(ARGS)

.PHONY: bench-outage
bench-outage: setup ## Take the database away under load, hung and refused, then kill it 20 times, about 8 minutes; ARGS=--help
	@COMMAND=outage PROFILE=$(PROFILE) BINARY="$(BINARY)" scripts/bench-onsale $(ARGS)

.PHONY: bench-faults
EVENTS ?= 4000
bench-faults: setup ## Lose answers, silence connections, lock rows, start with 4,000 events to load: when refusals end; ARGS=lost
	@scripts/setup tests
	@BOXOFFICE_FAULTS_REPORT=1 BOXOFFICE_FAULTS_EVENTS=$(EVENTS) \
		cargo test --profile $(PROFILE) --test engine --no-fail-fast -- --nocapture --test-threads=1 faults::$(ARGS)

.PHONY: bench-export
bench-export: setup ## Measure the CSV of an event with a million bookings: memory, size, time; ARGS='100000' for fewer
	cargo build --profile $(PROFILE)
	BINARY=$${CARGO_TARGET_DIR:-target}/$(PROFILE)/boxoffice scripts/bench-export $(ARGS)

.PHONY: bench-cache-outage
bench-cache-outage: setup ## Take Redis away from two servers that are read from and edited, about 100 s; ARGS=--help
	@scripts/setup tests
	@COMMAND=cache-outage PROFILE=$(PROFILE) BINARY="$(BINARY)" scripts/bench-onsale $(ARGS)

.PHONY: bench-browse
bench-browse: setup ## Measure cached reads against hyper alone that answers the same bytes, about 4 minutes; ARGS=--help
	@COMMAND=browse PROFILE=$(PROFILE) BINARY="$(BINARY)" scripts/bench-onsale $(ARGS)
