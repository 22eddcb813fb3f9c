# Two commands do all the set-up they need: `make demo` and `make test`.

# What is run. It is named to the whole workspace, not taken from a part of it: features of what is
# depended on are those of the tests, then, and nothing is compiled twice.
PROGRAMS = --workspace --bin retrial --bin retrial-trainer --bin retrial-policy

# Minutes of one core that a first build takes: of the programs, and of the tests after it.
PROGRAMS_TAKE = 9
TESTS_TAKE = 6
CORES := $(shell nproc 2>/dev/null || echo 2)
# Says how long a build will take: $(call takes,WHAT,MINUTES OF ONE CORE).
takes = @echo "$(1): about $$((($(2) + $(CORES) - 1) / $(CORES))) minutes on $(CORES) cores, the first time"

.PHONY: demo compare study study-small study-map study-sums test test-browser test-api fuzz screenshots chaos day test-servers test-compose test-trackers lint deny bench bench-log libtorch build help

help: ## Lists what there is to make
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

libtorch: ## Puts libtorch 2.11.0 into .libtorch, once
	@STEP="$(if $(COUNTED),1/3 )" trainer/fetch-libtorch.sh

build: libtorch ## Builds the programs
	$(call takes,$(if $(COUNTED),2/3 )building the programs,$(PROGRAMS_TAKE))
	cargo build $(PROGRAMS)

# The two say which of their three steps it is.
demo test: COUNTED = yes

demo: build ## Trains a small language model by LTE, on this machine
	@echo "3/3 training a small model: about 2 minutes"
	target/debug/retrial run examples/dialects/lte.toml --resume

compare: build ## The same run by GRPO, for comparison
	target/debug/retrial run examples/dialects/grpo.toml --resume

study: build ## LTE against GRPO, with extra rollouts, with entropy: five seeds each (20 to 40 minutes)
	target/debug/retrial study examples/dialects/study.toml

study-small: build ## LTE against GRPO and GRPO with extra rollouts, two seeds (under 10 minutes)
	target/debug/retrial study examples/dialects/study-small.toml

study-map: build ## Where the gain of LTE ends, and what it depends on (makes 12 models; hours)
	examples/dialects/worlds.sh
	target/debug/retrial study examples/dialects/map.toml
	target/debug/retrial study examples/dialects/settings.toml

study-sums: build ## A world that was not made for LTE (an hour)
	examples/sums/make.sh
	target/debug/retrial study examples/sums/study.toml

test: build ## Runs all tests
	$(call takes,2/3 building the tests,$(TESTS_TAKE))
	cargo test --workspace --no-run
	@echo "3/3 running the tests: about 8 minutes on two cores"
	cargo test --workspace

test-browser: libtorch ## Tests the dashboard in a real browser (installs Chromium)
	tests/browser.sh a_finished_run a_run_that_goes_on

test-api: libtorch ## Asks the dashboard's API all sorts of things (installs schemathesis)
	tests/schemathesis.sh

FUZZ_SECONDS ?= 400
fuzz: libtorch ## Fuzzes what comes from outside, FUZZ_SECONDS a target (an hour)
	tests/fuzz/run.sh $(FUZZ_SECONDS)

screenshots: libtorch ## Makes the pictures in docs/screenshots
	tests/browser.sh screenshots

chaos: libtorch ## 60 faults at random moments of ten runs, which must end as if there were none
	RETRIAL_CHAOS_SEEDS=10 RETRIAL_CHAOS_FAULTS=6 RETRIAL_CHAOS_STOP_SECONDS=30 \
		cargo test --workspace --test end_to_end -- chaos:: --nocapture

day: libtorch ## 100 steps on servers that break one answer in ten, in every way (5 to 10 minutes)
	RETRIAL_DAY_STEPS=100 RETRIAL_DAY_RESTART_SECONDS=20 \
		cargo test --workspace --test end_to_end -- day:: --nocapture

test-trackers: libtorch ## Tests examples/trackers with the real packages (installs them, 400 MB)
	tests/trackers.sh

test-servers: libtorch ## Tests against real vLLM and SGLang on the CPU (installs them, 6 GB)
	tests/servers/vllm.sh
	tests/servers/sglang.sh

test-compose: libtorch ## Tests compose.yaml on a real Docker engine (root, Debian)
	tests/compose/run.sh

lint: libtorch ## Formatting, lints and documentation, warnings denied
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	cargo clippy -p retrial-trainer --no-default-features -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --document-private-items

deny: ## Licences, sources and advisories of the dependencies (needs cargo-deny and GitHub)
	cargo deny check

bench: libtorch ## Tokens per second of server and trainer, the trainer beside PyTorch (installs it)
	trainer/fetch-reference.sh
	cargo bench --workspace --profile dev --bench '*'

bench-log: ## Makes a log of 1,000,000 rollouts and measures pages over it while a run writes (2 GB)
	mkdir -p target/bench
	cargo run --release -p retrial --example large_log target/bench/large.db
