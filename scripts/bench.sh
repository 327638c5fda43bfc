#!/usr/bin/env bash
# Measures Catapult against its budgets (Benchmarks/budgets.toml), beside peers in the same run, and prints one table.
#
#   scripts/bench.sh [--quick] [MEASURE...]       starting idling listing building commands gateway registry mlflow files (default: all)
#
# --quick takes small sizes and short times: it shows in some minutes that every measure works, and its numbers are kept nowhere.
# Builds the release executables. Peers and tools that the machine lacks (wrk, nginx, Python packages) go to temporary
# folders. A run of all measures is kept in Benchmarks/results/latest.md. Nothing else should run meanwhile.
#
# Exit status: 0 all budgets are met; 1 one is missed; 2 a measure could not be taken.
# The trap calls its function, which shellcheck does not see.
# shellcheck disable=SC2317
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/lib.sh"
cd "$root"

engine_state=$root/.build/bench-engine
work=$(mktemp -d)
tools=$work/tools

clean_up() {
    local status=$?
    rm -rf "$work"
    if [[ -n ${engine_started:-} ]]; then
        scripts/engine.sh stop --state "$engine_state" >&2 || true
    fi
    exit "$status"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# Unpacks Debian packages, and what they need, to a folder of ours: nothing is installed, and no service is started.
fetch_packages() {
    local archives=$tools/archives package
    mkdir -p "$archives/partial"
    [[ -n $(find /var/lib/apt/lists -name '*Packages*' -print -quit) ]] || apt-get update >&2
    apt-get install --yes --no-install-recommends --download-only -o "Dir::Cache::archives=$archives" "$@" >&2
    for package in "$archives"/*.deb; do dpkg -x "$package" "$tools"; done
}

# tool NAME PACKAGE: prints the path of a program, of this machine or unpacked.
tool() {
    PATH=$PATH:/usr/sbin command -v "$1" && return
    [[ -x $tools/usr/bin/$1 || -x $tools/usr/sbin/$1 ]] || fetch_packages "$2"
    find "$tools/usr" -name "$1" -type f -perm -u+x -print -quit
}

measures=()
for word in "$@"; do
    if [[ $word == --quick ]]; then
        export BENCH_QUICK=1
    else
        measures+=("$word")
    fi
done
# wanted MEASURE: whether it is to be taken.
wanted() { ((${#measures[@]} == 0)) || [[ " ${measures[*]} " == *" $1 "* ]]; }

scripts/setup.sh build engine >&2
if ! engine_answers; then
    scripts/engine.sh start --state "$engine_state" >&2
    engine_started=yes
fi
export BASE_IMAGE=catapult/llama-cpp-base:local
scripts/make-local-base.sh "$BASE_IMAGE" >&2
make --no-print-directory release >&2

LD_LIBRARY_PATH=$tools/usr/lib/$(uname -m)-linux-gnu${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
export LD_LIBRARY_PATH
BENCH_WRK=$(tool wrk wrk)
BENCH_NGINX=$(tool nginx nginx)
python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --no-warn-conflicts --target "$work/python" \
    --requirement Benchmarks/peers/requirements.txt >&2

if wanted mlflow; then
    BENCH_MLFLOW_PACKAGES=$(python_packages bench-mlflow Benchmarks/peers/mlflow.txt)
    export BENCH_MLFLOW_PACKAGES
fi

export BENCH_WRK BENCH_NGINX BENCH_WORK=$work BENCH_PYTHON_PACKAGES=$work/python
export BENCH_MAKE_MODEL=$root/Examples/tiny-model/make_tiny_gguf.py
export CATAPULT_BIN_DIR=$root/.build/release CATAPULT_TEMPLATES=$root/Templates
output=()
((${#measures[@]} > 0)) || [[ -n ${BENCH_QUICK:-} ]] || output=(--output Benchmarks/results/latest.md)
PYTHONDONTWRITEBYTECODE=1 python3 Benchmarks/run.py ${output[@]+"${output[@]}"} ${measures[@]+"${measures[@]}"}
