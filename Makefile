# Catapult. `make` alone lists the targets.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

PREFIX ?= /usr/local
DESTDIR ?=
# Where the installed files go.
BIN := $(DESTDIR)$(PREFIX)/bin
SHARE := $(DESTDIR)$(PREFIX)/share
BASH_COMPLETION := $(SHARE)/bash-completion/completions/mcp
ZSH_COMPLETION := $(SHARE)/zsh/site-functions/_mcp
FISH_COMPLETION := $(SHARE)/fish/vendor_completions.d/mcp.fish

# Debug products lie in .build/debug, release products in .build/release; neither disturbs the other.
RELEASE := .build/release
RELEASE_OPTIONS := --configuration release --static-swift-stdlib

# Options for the programs behind a target: make run ARGS="--port 9090", make test ARGS="--filter GatewayTests".
ARGS ?=

##@ Start here

.PHONY: help
help: ## Lists the targets
	@awk 'BEGIN { FS = ":.*## " } \
	    /^##@ / { printf "\n%s\n", substr($$0, 5) } \
	    /^[a-z-]+:.*## / { printf "  make %-17s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))
	@echo

.PHONY: setup
setup: ## Installs what is missing (Debian and Ubuntu; root or sudo)
	@scripts/setup.sh build engine database

.PHONY: quickstart
quickstart: ## Server, tiny model, image, deployment and a chat, from nothing
	@scripts/quickstart.sh

.PHONY: quickstart-down
quickstart-down: ## Removes all that quickstart made
	@scripts/quickstart.sh down

##@ Build and use

.PHONY: build
build: release ## Builds the release binaries catapult-server and mcp

.PHONY: release
release: ## The same; the binaries need no Swift runtime where they run
	swift build $(RELEASE_OPTIONS) --product catapult-server
	swift build $(RELEASE_OPTIONS) --product mcp

.PHONY: run
run: release ## Runs the server in the foreground (ARGS="--port 9090")
	$(RELEASE)/catapult-server $(ARGS)

.PHONY: install
install: ## Installs the built binaries, templates and completions below PREFIX (/usr/local)
	@for binary in catapult-server mcp; do \
	    test -x $(RELEASE)/$$binary || { echo "error: $(RELEASE)/$$binary is not built. Run: make build" >&2; exit 1; }; \
	done
	install -d "$(BIN)" "$(SHARE)/catapult" "$(dir $(BASH_COMPLETION))" "$(dir $(ZSH_COMPLETION))" "$(dir $(FISH_COMPLETION))"
	install -m 755 $(RELEASE)/catapult-server $(RELEASE)/mcp "$(BIN)"
	ln -sf mcp "$(BIN)/catapult"
	rm -rf "$(SHARE)/catapult/templates"
	cp -R Templates "$(SHARE)/catapult/templates"
	$(RELEASE)/mcp --generate-completion-script bash > "$(BASH_COMPLETION)"
	$(RELEASE)/mcp --generate-completion-script zsh > "$(ZSH_COMPLETION)"
	$(RELEASE)/mcp --generate-completion-script fish > "$(FISH_COMPLETION)"

.PHONY: uninstall
uninstall: ## Removes what install put there
	rm -f "$(BIN)/catapult-server" "$(BIN)/mcp" "$(BIN)/catapult"
	rm -f "$(BASH_COMPLETION)" "$(ZSH_COMPLETION)" "$(FISH_COMPLETION)"
	rm -rf "$(SHARE)/catapult"

##@ Work on it

.PHONY: test
test: ## Runs all tests against a real engine (ARGS="--filter GatewayTests")
	@scripts/test.sh $(ARGS)

.PHONY: fuzz
fuzz: ## Sends 10,000 drawn requests to every operation (ARGS="--only createModel --examples 500")
	@scripts/fuzz.sh $(ARGS)

.PHONY: bench
bench: ## Measures Catapult against its budgets
	@scripts/bench.sh $(ARGS)

.PHONY: format
format: ## Formats the Swift sources in place
	swift format --in-place --parallel --recursive Sources Tests Package.swift

.PHONY: lint
lint: ## Checks the form of Swift, shell and Python sources
	@scripts/lint.sh

.PHONY: docs
docs: ## Builds the reference of the Swift libraries (.build/docs)
	@scripts/docs.sh

.PHONY: clean
clean: ## Removes all that was built
	rm -rf .build
