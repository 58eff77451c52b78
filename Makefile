# Every command of the project. `make help` lists them.

CARGO ?= cargo
JOBS ?= 2
PYTHON := .venv/bin/python
TARGET := $(or $(CARGO_TARGET_DIR),target)
# What the tests and checks need from Debian beyond Rust, Python 3.11 and gcc.
PACKAGES := g++ clang valgrind libc6-dbg cmake pkgconf libasio-dev wrk nginx haproxy nutcracker \
            nginx-dev libpcre2-dev libssl-dev zlib1g-dev iproute2 memcached redis-server \
            abigail-tools
# What bare metal needs: a compiler with its library's source, a linker, a machine.
BARE_METAL_PACKAGES := rustc-web rust-web-src lld qemu-system-arm
# What `make record` asks, beside what it takes from PyPI.
RECORDED := nginx haproxy nutcracker libmemcached-dev pkgconf gcc iproute2
# The crates whose tests cargo runs; the Python module's are pytest's. Together they give core the
# feature simd, which ringway-cli and ringway-c ask for; the suite no-alloc goes without.
CRATES := -p ringway -p ringway-cluster -p ringway-store -p ringway-client -p ringway-node \
          -p ringway-proxy -p ringway-cli -p ringway-c -p ringway-jepsen
DEMO_DIR ?= .

.DEFAULT_GOAL := help

.PHONY: help
help: ## List the commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

.PHONY: demo
demo: ## Build, then shard real records over nodes and move them live (DEMO_DIR= for your own)
	$(CARGO) build -j$(JOBS) --release -p ringway-cli
	$(TARGET)/release/ringway demo --records $(DEMO_DIR) --out demo-out

# PREFIX=, LIBDIR=, DESTDIR= and STRIP= reach the script through the environment; it explains them.
.PHONY: install
install: ## Build the C and C++ library and install it below PREFIX=/usr/local (DESTDIR= for packages)
	@JOBS=$(JOBS) sh scripts/install.sh install $(TARGET)

.PHONY: freestanding
freestanding: ## Build the C library in one object without libc: target/freestanding/ringway-freestanding.o
	@JOBS=$(JOBS) sh ffi-c/freestanding/build.sh $(TARGET)

.PHONY: deb
deb: ## Make Debian packages of the library, its headers and the command: target/debian
	@JOBS=$(JOBS) sh scripts/deb.sh $(TARGET)

.PHONY: uninstall
uninstall: ## Remove what make install with the same PREFIX, LIBDIR and DESTDIR put there
	@sh scripts/install.sh uninstall

.PHONY: test
test: check ## Check, then run every test suite
	@python3 scripts/suites.py \
	    spec="$(PYTHON) spec/reference.py selftest && $(PYTHON) -m pytest -q spec/test_reference.py" \
	    rust="$(CARGO) test -j$(JOBS) -q $(CRATES)" \
	    model="$(CARGO) test -j$(JOBS) -q -p ringway-model" \
	    live="$(CARGO) build -j$(JOBS) -q -p ringway-cli && $(PYTHON) -B spec/record/live.py $(TARGET)/debug/ringway" \
	    no-alloc="$(CARGO) test -j$(JOBS) -q -p ringway --no-default-features --features heapless" \
	    heapless="$(CARGO) test -j$(JOBS) -q -p ringway --features heapless --test memento" \
	    freestanding="sh integrations/no-heap/run.sh freestanding $(TARGET)" \
	    ffi-c="sh ffi-c/tests/run.sh $(TARGET)" \
	    abi="JOBS=$(JOBS) sh ffi-c/abi/check.sh $(TARGET)" \
	    freestanding-c="sh ffi-c/freestanding/tests/run.sh $(TARGET)" \
	    install="sh ffi-c/tests/install/run.sh $(TARGET)" \
	    nginx-module="$(CARGO) build -j$(JOBS) -q -p ringway-cli && sh integrations/nginx/run.sh $(TARGET)" \
	    examples="sh integrations/examples/run.sh $(TARGET)" \
	    chaos="$(CARGO) build -j$(JOBS) -q -p ringway-cli -p ringway-jepsen && $(TARGET)/debug/ringway-jepsen --ringway $(TARGET)/debug/ringway --seconds 60 --catch-lies" \
	    python="$(PYTHON) -m pytest -q py" \
	    icount="sh benches/icount.sh --check && sh benches/icount_c.sh --check && echo 'icount: 1 passed, 0 failed, 0 skipped'"

.PHONY: check
check: setup python-module ## rustfmt, clippy, rustdoc, ruff, mypy, stubtest: clean or it fails
	$(CARGO) fmt --all --check
	$(CARGO) clippy -j$(JOBS) -q --workspace --all-targets -- -D warnings
	$(CARGO) clippy -j$(JOBS) -q -p ringway --no-default-features --all-targets -- -D warnings
	cd integrations/no-heap && $(CARGO) fmt --all --check
	cd integrations/no-heap && $(CARGO) clippy -j$(JOBS) -q --target-dir $(abspath $(TARGET))/no-heap -- -D warnings
	cd ffi-c/freestanding && $(CARGO) fmt --check
	cd ffi-c/freestanding && $(CARGO) clippy -j$(JOBS) -q --locked --target-dir $(abspath $(TARGET))/freestanding -- -D warnings
	cd fuzz && $(CARGO) fmt --check
	cd fuzz && CUSTOM_LIBFUZZER_PATH=/dev/null RUSTFLAGS="--cfg fuzzing" $(CARGO) clippy -j$(JOBS) -q --locked \
	    --target-dir $(abspath $(TARGET))/fuzz -- -D warnings
	$(CARGO) clippy -j$(JOBS) -q -p ringway --features heapless --all-targets -- -D warnings
	$(CARGO) clippy -j$(JOBS) -q -p ringway --no-default-features --features simd --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc -j$(JOBS) -q --no-deps $(CRATES)
	$(PYTHON) spec/reference.py vectors --check
	python3 benches/report.py --check
	$(PYTHON) -m ruff check -q --config py/pyproject.toml py
	$(PYTHON) -m ruff format -q --check --config py/pyproject.toml py
	cd py && ../$(PYTHON) -m mypy && ../$(PYTHON) -m mypy.stubtest ringway._ringway

.PHONY: python-module
python-module: setup
	. .venv/bin/activate && maturin develop --release -q -j$(JOBS) -m py/Cargo.toml

.PHONY: setup
setup: ## Install what the tests need: Debian packages and .venv (test and check do this)
	@scripts/setup.sh packages $(PACKAGES)
	@scripts/setup.sh python
	@scripts/setup.sh sdists

.PHONY: record
record: ## Ask nginx, HAProxy, twemproxy, libmemcached, Envoy and others the recorded and random keys
	@scripts/setup.sh packages $(RECORDED)
	@scripts/setup.sh record
	.venv-record/bin/python -B spec/record --check
	$(CARGO) build -j$(JOBS) -q -p ringway-cli
	.venv-record/bin/python -B spec/record/random_cases.py $(TARGET)/debug/ringway

.PHONY: dist
dist: ## Make the Python packages in dist/: source, a wheel for this machine, one for manylinux_2_17
	@scripts/setup.sh dist
	@.venv-dist/bin/python scripts/dist.py build

.PHONY: test-all
test-all: test record ## Also the long runs: 3,000 simulated clusters, 10^8 jumps, QEMU, a real Envoy, packages
	@scripts/setup.sh packages $(BARE_METAL_PACKAGES) dpkg-dev lintian
	@scripts/setup.sh cargo-c
	@python3 scripts/suites.py \
	    simulation="RINGWAY_SEEDS=3000 $(CARGO) test -j$(JOBS) -q -p ringway-cluster --test simulation nothing -- --nocapture" \
	    jumps="$(CARGO) test -j$(JOBS) -q --release -p ringway --features simd --lib -- --ignored" \
	    bare-metal="sh integrations/no-heap/run.sh bare-metal $(TARGET)" \
	    dist="scripts/setup.sh dist && .venv-dist/bin/python scripts/dist.py build check" \
	    deb="JOBS=$(JOBS) sh ffi-c/tests/install/deb.sh $(TARGET)" \
	    cargo-c="JOBS=$(JOBS) sh ffi-c/tests/install/capi.sh $(TARGET)" \
	    tsan="JOBS=$(JOBS) sh ffi-c/tests/tsan.sh $(TARGET)" \
	    envoy="sh scripts/envoy.sh $(CARGO) test -j$(JOBS) -q -p ringway-cli --test import envoy_gives -- --ignored"

# With QUICK=1 nothing is recorded: it only shows, in minutes, that all of it runs.
BENCHES := rivals replicas batch jump bounded memento construction change memory balance hash forms deployed
BENCH_ENV := $(if $(QUICK),RINGWAY_QUICK=1 RINGWAY_RESULTS=$(abspath $(TARGET))/bench-quick)

.PHONY: bench
bench: python-module ## Measure all beside rivals; record tables and charts (QUICK=1: only try it)
	@scripts/setup.sh packages nginx haproxy wrk valgrind gcc libmemcached-dev
	@scripts/setup.sh bench
	$(CARGO) build -j$(JOBS) -q --release -p ringway-cli -p ringway-c
	$(CARGO) build -j$(JOBS) -q --release -p ringway-bench --bin load
	$(CARGO) bench -j$(JOBS) -q -p ringway-bench --no-run
	set -e; for name in $(BENCHES); do \
	    $(BENCH_ENV) $(CARGO) bench -j$(JOBS) -q -p ringway-bench --bench $$name -- --record; done
	$(BENCH_ENV) sh benches/rivals_c.sh --record
	$(BENCH_ENV) sh benches/icount_c.sh --record
	$(BENCH_ENV) PYTHONPATH=py/python .venv-bench/bin/python benches/rivals.py --record
	$(BENCH_ENV) sh benches/icount.sh --record
	$(BENCH_ENV) python3 benches/proxy_icount.py $(TARGET)/release/ringway --record
	$(BENCH_ENV) sh scripts/envoy.sh python3 benches/proxy.py $(TARGET)/release/ringway $(TARGET)/release/load \
	    $(if $(QUICK),--rounds 1 --seconds 1) --record
	$(BENCH_ENV) python3 benches/moves.py $(TARGET)/release/ringway $(TARGET)/release/load \
	    $(if $(QUICK),--rows 2000 --seconds 8) --record
	$(BENCH_ENV) python3 benches/report.py

.PHONY: bench-c
bench-c: ## Measure lookups from C and what they link: instructions, nanoseconds, bytes (RECORD=1)
	@scripts/setup.sh packages valgrind gcc libmemcached-dev
	$(BENCH_ENV) sh benches/icount_c.sh $(if $(RECORD),--record)
	$(BENCH_ENV) sh benches/rivals_c.sh $(if $(RECORD),--record)
	$(if $(RECORD),$(BENCH_ENV) python3 benches/report.py)

.PHONY: bench-nginx
bench-nginx: ## Measure the nginx module beside nginx's own hash: instructions, then requests/s (RECORD=1)
	@scripts/setup.sh packages nginx nginx-dev libpcre2-dev libssl-dev zlib1g-dev gcc wrk valgrind
	$(BENCH_ENV) python3 -B integrations/nginx/icount.py "$$(sh integrations/nginx/build.sh $(TARGET))" $(if $(RECORD),--record)
	$(BENCH_ENV) python3 -B integrations/nginx/bench.py "$$(sh integrations/nginx/build.sh $(TARGET))" $(if $(RECORD),--record)
	$(if $(RECORD),$(BENCH_ENV) python3 benches/report.py)

.PHONY: fuzz
fuzz: ## Fuzz tables, files, rows, ownership, requests, answers, the store log: T seconds each (nightly)
	sh scripts/fuzz.sh $(or $(T),60)

.PHONY: sim
sim: ## Simulate clusters: SEEDS=n of them, or one again with SEED=n
	$(if $(SEED),RINGWAY_SEED=$(SEED),RINGWAY_SEEDS=$(or $(SEEDS),1000)) \
	    $(CARGO) test -j$(JOBS) -q -p ringway-cluster --test simulation nothing -- --nocapture

.PHONY: jepsen
jepsen: ## Break real clusters under load, check every history: a million operations or T seconds (SEED=, RECORD=1)
	@scripts/setup.sh packages iproute2
	$(CARGO) build -j$(JOBS) -q --release -p ringway-cli -p ringway-jepsen
	$(TARGET)/release/ringway-jepsen --ringway $(TARGET)/release/ringway --catch-lies \
	    --seconds $(or $(T),60) --operations $(if $(T),0,1000000) $(if $(SEED),--seed $(SEED))
	$(if $(RECORD),python3 benches/record.py --text jepsen <jepsen-out/report.txt && \
	    cp jepsen-out/report.svg benches/results/jepsen.svg)

# RINGWAY_STEPS bounds each configuration; without it some take hours and much memory.
.PHONY: model
model: ## Check the handoff in every order of events (STEPS= bounds each configuration, RECORD=1)
	$(CARGO) build -j$(JOBS) -q --release -p ringway-model
	RINGWAY_STEPS=$(or $(STEPS),20000000) $(TARGET)/release/ringway-model$(if $(RECORD), >$(TARGET)/model.txt)
	$(if $(RECORD),cat $(TARGET)/model.txt && python3 benches/record.py --text model <$(TARGET)/model.txt)

.PHONY: fmt
fmt: ## Format Rust and Python
	$(CARGO) fmt --all
	$(PYTHON) -m ruff format -q --config py/pyproject.toml py

.PHONY: clean
clean: ## Remove everything that was built
	$(CARGO) clean
	rm -rf .venv .venv-dist dist demo-out jepsen-out
