# Sealpost.  Two commands: `make run` shows the main job at work, `make check` passes all tests.

BUILD    ?= build
PREFIX   ?= /usr/local
DESTDIR  ?=
PYTHON   := /usr/bin/python3

.PHONY: all run check bench deb install fuzz format clean deps deps-check help

all: $(BUILD)/src/sealpost

help:
	@echo 'make run         install what is missing (asks once; YES=1 does not ask), build, show a forced-TLS exchange'
	@echo 'make check       all tests (FAST=1 leaves out sanitizers, fuzzing and clang-tidy)'
	@echo 'make bench       measure against Postfix in one run'
	@echo 'make             build only'
	@echo 'make deb         build the Debian package out of what is committed, into ./deb'
	@echo 'make install     install under PREFIX ($(PREFIX)); DESTDIR is honoured'
	@echo 'make fuzz        run every fuzzer for SECONDS (60) of processor time each'
	@echo 'make format      format the C files'

deps:
	@tools/setup.sh build

deps-check:
	@tools/setup.sh build check

$(BUILD)/build.ninja:
	@command -v meson >/dev/null || tools/setup.sh build
	meson setup $(BUILD) --prefix=$(PREFIX)

$(BUILD)/src/sealpost: $(BUILD)/build.ninja FORCE
	@ninja -C $(BUILD)

FORCE:

run: deps
	@$(MAKE) --no-print-directory all
	@tools/demo.sh $(BUILD)/src/sealpost

check: deps-check
	@$(PYTHON) tools/check.py $(if $(FAST),--fast)

bench: deps-check
	@$(MAKE) --no-print-directory all
	@$(PYTHON) bench/run.py --build $(BUILD)

fuzz: deps-check
	@$(PYTHON) tools/check.py --only fuzz --fuzz-seconds $(or $(SECONDS),60)

deb: deps
	@tools/setup.sh build package
	@tools/deb.sh

install: all
	DESTDIR=$(DESTDIR) meson install -C $(BUILD) --no-rebuild

format:
	git ls-files 'src/*.[ch]' 'bench/*.[ch]' | xargs clang-format -i

clean:
	rm -rf $(BUILD) build-gcc build-clang demo
