# A thin front to meson: all output is in build/. `make help` lists the targets.
# PREFIX, LIBDIR (below PREFIX) and DESTDIR say where `make install` puts it.
# O holds options for meson: make O='-Dlibevent=disabled'. JOBS is how many tests run
# at once: most of them wait most of the time.

PREFIX ?= /usr/local
LIBDIR ?= lib
JOBS ?= 3
FUZZ_SECONDS ?= 60
BUILD = build
O ?=

setup = tools/setup.sh
configure = tools/configure.sh
options = --prefix=$(PREFIX) --libdir=$(LIBDIR) $(O)
run_tests = tools/run_tests.py -j $(JOBS)
# What takes minutes, or needs servers of its own. SUITES='--suite epolls' instead
# limits a run to some suites.
quick = --no-suite stress --no-suite libraries --no-suite programs --no-suite installed
SUITES ?= $(quick)
# Processors that make test-cross runs tests for, of tools/cross/machines. The quick
# ones differ in the byte order and in the size of a word.
ARCH ?= $(if $(QUICK),s390x armhf,riscv64 armhf i386 ppc64le s390x mips64el)
cross_tests = $(if $(QUICK),--only hub_loop@poll hub_timers@poll thread_spawn@poll \
	thread_kill@poll sync_channel@poll io_stream@poll unit-stack,--suite poll --suite unit)
COVERAGE ?= $(quick)

.PHONY: all build run test test-patch test-install bench bench-peers bench-docs stress lint install help format clean \
	python test-python bench-python profile-python bench-python-docs \
	test-asan test-tsan test-valgrind test-chaos test-posix test-aarch64 test-cross musl fuzz coverage docs manual \
	dist deb test-deb

all: build

build: ## build the library, the command and the examples (default)
	@$(setup) build
	@$(configure) $(BUILD) $(options)
	@tools/compile.sh $(BUILD)

run: build ## start an echo server, and print what to type next
	@exec $(BUILD)/greenhub serve --echo

test: ## run every test on every hub
	@$(setup) build test
	@$(configure) $(BUILD) $(options)
	@$(run_tests) $(BUILD) $(SUITES)

test-patch: ## test the patch library with real libraries, servers and programs
	@$(setup) build test test-patch
	@$(configure) $(BUILD) $(options)
	@meson configure $(BUILD) --clearcache >/dev/null
	@ninja -C $(BUILD) build.ninja >/dev/null
	@$(run_tests) $(BUILD) --suite libraries --suite programs

test-install: ## test what others install, build and find: CMake, meson, pip, dist
	@$(setup) build test test-install python
	@$(configure) $(BUILD) $(options)
	@$(run_tests) $(BUILD) --suite installed

stress: ## load and faults: thousands of connections, kills, overflows
	@$(setup) build test
	@$(configure) $(BUILD) $(options)
	@$(run_tests) $(BUILD) --suite stress

bench: ## measure, and print a table (also build/bench.json, and charts)
	@$(setup) build bench
	@$(configure) $(BUILD) $(options)
	@tools/compile.sh $(BUILD)
	@tools/compile.sh $(BUILD) bench-programs
	@bench/run.py $(BUILD)

bench-peers: ## install the libraries that greenhub is compared with
	@$(setup) build bench bench-peers
	@$(configure) $(BUILD) $(options)
	@meson configure $(BUILD) --clearcache >/dev/null
	@ninja -C $(BUILD) build.ninja >/dev/null
	@tools/compile.sh $(BUILD)
	@tools/compile.sh $(BUILD) bench-programs

bench-docs: ## write docs/benchmarks.md and its charts, from the last make bench
	@bench/chart.py --docs docs $(BUILD)/bench.json

lint: ## check layers, sizes, symbols, headers, format, man pages, clang-tidy
	@$(setup) build lint python
	@tools/lint.sh

format: ## format all C files with clang-format
	@$(setup) lint
	@tools/lint_format.sh --fix

install: build ## install below PREFIX (/usr/local), under DESTDIR if set
	@meson install -C $(BUILD) --no-rebuild --quiet
	@if [ -z "$(DESTDIR)" ] && [ "$$(id -u)" = 0 ]; then ldconfig; fi

dist: ## pack the last commit as a tarball, which builds itself, into build-dist
	@tools/dist.sh build-dist

deb: ## build Debian's packages of the last commit, into build-deb
	@$(setup) build python deb
	@packaging/deb.sh build-deb

test-deb: deb ## install and use them in a Debian system of their own; needs root
	@packaging/test.sh build-deb

python: ## build the hub for Eventlet, into build-python/venv
	@$(setup) build python
	@tools/python.sh build-python
	@echo "build-python/venv/bin/python has greenhub, beside the system's Eventlet"

test-python: ## test the hub for Eventlet, on every hub
	@$(setup) build python test-python
	@tools/python.sh build-python
	@tools/run_pytest.py -j $(JOBS) build-python tests/python

bench-python: ## compare it with Eventlet's own hubs, gevent, asyncio, uvloop
	@$(setup) build bench python bench-python
	@$(configure) $(BUILD) $(options)
	@tools/compile.sh $(BUILD)
	@tools/python.sh build-python
	@bench/run_python.py $(BUILD)

profile-python: ## count the instructions of an echo request on Eventlet
	@$(setup) build python valgrind
	@$(configure) $(BUILD) $(options)
	@tools/compile.sh $(BUILD)
	@tools/python.sh build-python
	@bench/profile_python.py $(BUILD)

bench-python-docs: ## write the figures of docs/python.md, from the last make bench-python
	@bench/python_docs.py $(BUILD)/bench-python.json

test-asan: ## the tests under AddressSanitizer and UBSan
	@$(setup) build test
	@$(configure) build-asan -Db_sanitize=address,undefined -Db_lundef=false
	@tools/sanitized.sh asan $(run_tests) build-asan $(SUITES)

test-tsan: ## the tests under ThreadSanitizer
	@$(setup) build test
	@$(configure) build-tsan -Db_sanitize=thread -Db_lundef=false
	@tools/sanitized.sh tsan $(run_tests) build-tsan $(SUITES)

# Not on uring: valgrind (3.19) lets no other OS thread run, and handles no signal,
# while one is in io_uring_enter.
test-valgrind: ## the tests under valgrind's memcheck
	@$(setup) build test valgrind
	@$(configure) build-valgrind
	@tools/sanitized.sh valgrind $(run_tests) build-valgrind $(SUITES) --no-suite uring

test-chaos: ## the tests with random ready order, forced yields, small stacks
	@$(setup) build test
	@$(configure) build-chaos -Dchaos=true
	@seed=$${GREENHUB_CHAOS_SEED:-$$(date +%s)}; \
	echo "GREENHUB_CHAOS_SEED=$$seed repeats this run's choices"; \
	GREENHUB_CHAOS_SEED=$$seed $(run_tests) build-chaos $(SUITES)

test-aarch64: ## cross-build for aarch64, and run the tests under qemu
	@tools/cross/test.sh aarch64 -j $(JOBS) $(SUITES)

test-cross: ## the same for ARCH (six processors) on poll; QUICK=1: two, few tests
	@status=0; for machine in $(ARCH); do \
		tools/cross/test.sh $$machine -j $(JOBS) $(cross_tests) || status=1; \
	done; exit $$status

test-posix: ## the tests of a build with POSIX.1-2008 alone, nothing of Linux's own
	@$(setup) build test
	@$(configure) build-posix -Dplatform=posix
	@$(run_tests) build-posix $(SUITES)

musl: ## the library, the command, the examples with musl, in build-musl
	@$(setup) build musl
	@tools/cross/musl_root.sh build-musl-root
	@$(configure) build-musl --cross-file build-musl-root/musl.ini -Dtests=disabled
	@tools/compile.sh build-musl

fuzz: ## run libFuzzer on the parsers, FUZZ_SECONDS each (60)
	@$(setup) build fuzz
	@CC=clang $(configure) build-fuzz -Dfuzz=true -Dbench=false \
		-Db_sanitize=address,undefined -Db_lundef=false
	@tools/compile.sh build-fuzz fuzz-programs
	@tools/fuzz.sh build-fuzz $(FUZZ_SECONDS)

coverage: ## run the tests, and print the part of src/ that they ran
	@$(setup) build test coverage
	@$(configure) build-coverage -Db_coverage=true -Dc_args=-fprofile-update=atomic
	@tools/compile.sh build-coverage
	@find build-coverage -name '*.gcda' -delete
	@status=0; $(run_tests) build-coverage $(COVERAGE) || status=1; \
	tools/coverage.py build-coverage && exit $$status

docs manual: ## write the manual in HTML, with a search box, into build/manual
	@$(setup) manual
	@tools/manual.py $(BUILD)/manual

help: ## this list
	@awk -F ':.*## ' '/^[a-z0-9 -]+:.*## / \
		{ printf "  make %-17s %s\n", $$1, $$2 }' Makefile

clean: ## remove the build directories
	rm -rf build build-asan build-tsan build-valgrind build-chaos build-lint build-lint-posix build-posix build-musl build-musl-root \
		$(foreach machine,aarch64 riscv64 armhf i386 ppc64le s390x mips64el,\
		build-$(machine) build-$(machine)-sysroot) build-python build-fuzz build-coverage build-deb build-dist build-*.log build.log \
		build-without-packages
