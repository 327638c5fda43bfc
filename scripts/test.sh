#!/usr/bin/env bash
# The whole test suite: unit, store and integration; stores on SQLite and PostgreSQL, integration against a real Docker engine and model.
#
#   scripts/test.sh [SWIFT-TEST-OPTION...]        for example --filter GatewayTests
#
# Installs what is missing, starts an engine where none answers and ends that one, does the same with a PostgreSQL server of its own, and
# leaves nothing else behind but the build folder and the base image. What the tests find in their environment:
#
#   CATAPULT_TEST_POSTGRES     URL of a PostgreSQL server on which they may make databases; one that is set already is used
#   CATAPULT_BIN_DIR           folder of the debug executables catapult-server and mcp
#   CATAPULT_TEST_BASE_IMAGE   image to give as BASE_IMAGE to the template llama-cpp
#   CATAPULT_TEST_MODEL_DIR    folder with the tiny model, tiny.gguf
#   CATAPULT_TEST_PYTHON       folder of the Python packages of Tests/requirements.txt; absent where they could not be had
#   CATAPULT_TEST_ENGINE       available or absent; absent means that a test of the engine leaves itself out
#
# A tier that cannot run here is named, and fails the suite where CI=true.
# The trap calls its function, which shellcheck does not see.
# shellcheck disable=SC2317
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/lib.sh"
cd "$root"

base_image=catapult/llama-cpp-base:local
engine_state=$root/.build/test-engine
work=$(mktemp -d)
# Not in the folder above, which nobody else may enter: the server runs as another user where this runs as root.
database_folder=$(mktemp -u "${TMPDIR:-/tmp}/catapult-pg-XXXXXXXX")

clean_up() {
    local status=$?
    rm -rf "$work"
    if [[ -e $database_folder ]]; then
        scripts/postgres.sh remove "$database_folder" || true
        rm -rf "$database_folder"
    fi
    if [[ -n ${engine_started:-} ]]; then
        scripts/engine.sh stop --state "$engine_state" || true
    fi
    exit "$status"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# The engine, the base image and the model; what fails in it leaves the integration tier out.
prepare_integration() {
    scripts/setup.sh engine || return
    if ! engine_answers; then
        scripts/engine.sh start --state "$engine_state" || return
        engine_started=yes
    fi
    scripts/make-local-base.sh "$base_image" || return
    Examples/tiny-model/make_tiny_gguf.py "$work/model/tiny.gguf"
}

# A server of our own; its URL goes to a file, since the lines of setup.sh are for people.
prepare_database() {
    scripts/setup.sh database || return
    scripts/postgres.sh start "$database_folder" >"$work/postgres-url"
}

scripts/setup.sh build
left_out=()
selection=()
if [[ -z ${CATAPULT_TEST_POSTGRES:-} ]]; then
    if prepare_database; then
        CATAPULT_TEST_POSTGRES=$(<"$work/postgres-url")
        export CATAPULT_TEST_POSTGRES
    else
        [[ ${CI:-} != true ]] || die 1 "error: no PostgreSQL server; the reason is above, and CI=true forbids to test on SQLite alone"
        left_out+=("PostgreSQL: stores and services were tested on SQLite alone (the reason is above)")
    fi
fi
if prepare_integration; then
    export CATAPULT_TEST_ENGINE=available
    export CATAPULT_TEST_BASE_IMAGE=$base_image
    export CATAPULT_TEST_MODEL_DIR=$work/model
else
    [[ ${CI:-} != true ]] || die 1 "error: the integration tests cannot run here; the reason is above, and CI=true forbids leaving them out"
    export CATAPULT_TEST_ENGINE=absent
    left_out+=("integration: no engine, base image or model (the reason is above)")
    selection+=(--skip '^IntegrationTests\.')
fi

if packages=$(python_packages test-python Tests/requirements.txt); then
    export CATAPULT_TEST_PYTHON=$packages
else
    [[ ${CI:-} != true ]] || die 1 "error: pip did not install Tests/requirements.txt; the reason is above, and CI=true forbids to go on without"
    left_out+=("fuzzing and earlier clients: no Python packages (the reason is above)")
fi

say "Building the tests and the executables"
swift build --build-tests
CATAPULT_BIN_DIR=$(swift build --show-bin-path)
export CATAPULT_BIN_DIR

# No target uses XCTest; without its run, the last lines are Swift Testing's own summary. One test after another: all at once, on two
# cores, they starve each other until an engine's sign of life takes longer than its limit.
status=0
swift test --skip-build --disable-xctest --no-parallel ${selection[@]+"${selection[@]}"} "$@" 2>&1 | tee "$work/log" || status=$?
if ((status)); then
    say "What failed, out of the lines above"
    grep -A 3 -E ' recorded an issue |^(Fatal error|.*: Fatal error|error: )' "$work/log" || true
fi
for tier in ${left_out[@]+"${left_out[@]}"}; do say "LEFT OUT: $tier"; done
exit "$status"
