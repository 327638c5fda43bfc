#!/usr/bin/env bash
# From nothing to a model that answers: what is missing is installed, the programs are built, a server is started, and the main job is
# done through the CLI, step by step.
#
#   scripts/quickstart.sh [up]    what is already right stays as it is, so a second run is quick
#   scripts/quickstart.sh down    removes all that `up` made
#
# QUICKSTART_PORT (8080) is the server's port. Everything is kept in .quickstart.
#
# Exit status: 0 done; 2 wrong usage; 3 something is missing on the machine; 6 a step failed. The last lines say what to do.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/lib.sh"
cd "$root"

port=${QUICKSTART_PORT:-8080}
state=$root/.quickstart
data=$state/data
base=catapult/llama-cpp-base:local
model=tiny-llama
version=1.0
environment=quickstart
deployment=$model-$environment
server=$root/.build/release/catapult-server
mcp=$root/.build/release/mcp
url=http://127.0.0.1:$port

if [[ -t 1 && -z ${NO_COLOR:-} ]]; then bold=$'\e[1m' dim=$'\e[2m' plain=$'\e[0m'; else bold='' dim='' plain=''; fi

step_number=0
# step WORDS...: the heading of the next step, with the time since the beginning.
step() {
    step_number=$((step_number + 1))
    printf '\n%s%d. %s%s %s(%ds)%s\n' "$bold" "$step_number" "$*" "$plain" "$dim" "$SECONDS" "$plain"
}

# run COMMAND...: shows an mcp command as one would type it, and runs it.
run() {
    local shown=() word
    for word in "${@:2}"; do
        if [[ $word == *' '* ]]; then shown+=("\"$word\""); else shown+=("${word/#$root\//}"); fi
    done
    printf '%s$ mcp %s%s\n' "$dim" "${shown[*]}" "$plain"
    "$@" || failed "mcp ${shown[*]}"
}

failed() {
    die 6 "" "The step failed: $1" "What it said stands above; the server's log is $state/server.log." \
        "Mend the cause and run make quickstart again: what is done stays done. make quickstart-down removes everything."
}

# When process $1 started, in clock ticks since boot: a number that was given to another process has another start.
started_at() {
    local text
    text=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
    read -ra text <<<"${text##*) }"
    printf '%s\n' "${text[19]}"
}

# The process id of the server that an earlier run started, if it still runs.
own_server() {
    local id start
    read -r id start 2>/dev/null <"$state/server.pid" || return 1
    [[ $(started_at "$id") == "$start" ]] || return 1
    printf '%s\n' "$id"
}

answers() { curl --silent --fail --max-time 2 --output /dev/null "$url/health"; }

start_server() {
    if own_server >/dev/null; then
        answers || wait_for_server
        say "The server runs already: $url"
        return
    fi
    if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
        die 3 "Another program listens on port $port." "Choose another port: QUICKSTART_PORT=8090 make quickstart"
    fi
    # The server says its new admin key once, on standard output: nobody else may read that file.
    (umask 077 && : >"$state/server.out")
    BASE_IMAGE=llama-cpp=$base CATAPULT_TEMPLATES=$root/Templates setsid "$server" --host 127.0.0.1 --port "$port" --data-dir "$data" \
        >"$state/server.out" 2>>"$state/server.log" </dev/null &
    local id=$!
    printf '%s %s\n' "$id" "$(started_at "$id")" >"$state/server.pid"
    wait_for_server
    say "The server listens on $url; its log is .quickstart/server.log."
}

wait_for_server() {
    curl --silent --fail --output /dev/null --retry 60 --retry-delay 1 --retry-all-errors --max-time 2 "$url/health" 2>/dev/null ||
        die 6 "The server does not answer at $url. The end of its log:" "$(tail -n 10 "$state/server.log" 2>/dev/null)"
}

use_server() {
    export REGISTRY_URL=$url CATAPULT_KEY_FILE=$data/admin.key
    # Settings of the caller's own must not lead the quick start to another server.
    unset REGISTRY_API_KEY
}

up() {
    mkdir -p "$state"
    printf '%sCatapult: from model files to an answering endpoint%s\n' "$bold" "$plain"

    step "What the machine needs"
    scripts/setup.sh
    scripts/engine.sh ensure --state "$state/engine"

    step "The programs (the first build takes some minutes)"
    make --no-print-directory build

    step "A base image and a tiny model, made here: no registry and no download hub is needed"
    scripts/make-local-base.sh "$base"
    if [[ -f $state/model/tiny.gguf ]]; then
        say "The model is there: .quickstart/model/tiny.gguf"
    else
        python3 Examples/tiny-model/make_tiny_gguf.py "$state/model/tiny.gguf"
    fi

    step "The server"
    start_server
    use_server

    step "Register the model and its version"
    run "$mcp" model register --name "$model" --path "$state/model" --version "$version"

    step "Create an environment"
    if "$mcp" environment show "$environment" --quiet >/dev/null 2>&1; then
        say "The environment $environment is there."
    else
        run "$mcp" environment create --name "$environment" --type cpu --resources "cpu=1,memory=512Mi"
    fi

    step "Build the image"
    local built
    built=$("$mcp" build list --version "$model:$version" --status success --quiet)
    if [[ -n $built ]] && engine_api GET "/images/$model:$version/json" --fail --output /dev/null 2>/dev/null; then
        say "The image $model:$version is there."
    else
        run "$mcp" build create --version "$model:$version" --follow
    fi

    step "Deploy two replicas and wait until they answer"
    run "$mcp" deploy --model "$model:$version" --environment "$environment" --replicas 2

    step "Ask it something"
    run "$mcp" chat --deployment "$deployment" "Who are you?"

    step "Look at it"
    run "$mcp" status --deployment "$deployment"

    step "Measure it for five seconds"
    run "$mcp" benchmark run --deployment "$deployment" --duration 5s

    cat <<TEXT

${bold}Done in ${SECONDS}s.${plain} The deployment goes on running.

  API            $url/docs
  Admin key      .quickstart/data/admin.key

To go on in this shell:

  export PATH="$root/.build/release:\$PATH" REGISTRY_URL=$url CATAPULT_KEY_FILE=$data/admin.key
  mcp scale --deployment $deployment --replicas 3
  mcp logs -f --deployment $deployment
  mcp audit list

make quickstart-down removes everything again.
TEXT
}

# The containers of this installation, for the case that the server cannot remove them itself.
remove_containers() {
    local instance ids id
    instance=$(cat "$data/instance" 2>/dev/null) || return 0
    ids=$(engine_api GET "/containers/json" --get --data all=1 \
        --data-urlencode "filters={\"label\":[\"catapult.instance=$instance\"]}" | python3 -c 'import json,sys; print("\n".join(c["Id"] for c in json.load(sys.stdin)))')
    for id in $ids; do engine_api DELETE "/containers/$id?force=1&v=1" --output /dev/null; done
}

# The images that builds of the quick start's model made, then the base.
remove_images() {
    local tag
    for tag in "$model:$version" "$base"; do
        engine_api DELETE "/images/$tag?force=1" --output /dev/null 2>/dev/null || true
    done
}

stop_server() {
    local id
    id=$(own_server) || return 0
    kill -TERM "$id"
    tail --pid="$id" --follow /dev/null
    say "The server has stopped."
}

down() {
    if [[ ! -d $state ]]; then
        say "There is nothing to remove."
        return
    fi
    if [[ -x $mcp ]] && own_server >/dev/null && answers && engine_answers; then
        use_server
        "$mcp" deployment delete "$deployment" --yes --quiet >/dev/null 2>&1 || true
    fi
    stop_server
    if engine_answers; then
        remove_containers
        remove_images
        say "Containers and images are removed."
    fi
    scripts/engine.sh stop --state "$state/engine"
    rm -rf "$state"
    say "Everything that make quickstart made is gone. The build is kept; make clean removes it."
}

case ${1:-up} in
    up) up ;;
    down) down ;;
    *) die 2 "usage: scripts/quickstart.sh [up|down]" ;;
esac
