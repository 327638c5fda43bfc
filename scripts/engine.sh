#!/usr/bin/env bash
# Makes sure that a Docker engine answers, and starts one of its own where none does.
#
#   scripts/engine.sh ensure|start|stop|status [--state DIR] [-- DOCKERD-OPTION...]
#
#   ensure   nothing where an engine answers at DOCKER_HOST (default unix:///var/run/docker.sock); else as start
#   start    starts dockerd in the background; its log and what is needed to stop it go to DIR
#   stop     ends the engine that `start` began in DIR, and no other
#   status   says which engine answers
#
# DIR is .quickstart/engine in the checkout by default.
#
# Exit status: 0 done; 2 wrong usage; 3 no engine answers (status); 4 dockerd or what it needs is not installed;
# 5 not root; 6 the engine did not come up; 7 DOCKER_HOST names an engine that cannot be started from here.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/lib.sh"

seconds_to_start=60
seconds_to_stop=60

usage() { die 2 "usage: scripts/engine.sh ensure|start|stop|status [--state DIR] [-- DOCKERD-OPTION...]"; }

# When the living process $1 started, in clock ticks since boot; a number that was given to another process has another
# start, and a process that only waits to be reaped lives no more.
started_at() {
    local stat fields
    stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
    # The second field is the name in parentheses and may hold spaces.
    read -ra fields <<<"${stat##*) }"
    [[ ${fields[0]} != Z ]] || return 1
    printf '%s\n' "${fields[19]}"
}

# The id of the engine that `start` began, if it still runs.
own_engine() {
    local id start
    read -r id start 2>/dev/null <"$state/engine" || return 1
    [[ $(started_at "$id") == "$start" ]] || return 1
    printf '%s\n' "$id"
}

engine_version() {
    engine_api GET /version --max-time 5 2>/dev/null | grep -oE '"Version": ?"[^"]*"' | head -1 | grep -oE '[0-9][^"]*' || say "of an unknown version"
}

show_log() {
    say "The last lines of $state/dockerd.log:" >&2
    tail -n 15 "$state/dockerd.log" | sed 's/^/  /' >&2
}

refuse_what_cannot_work() {
    engine_socket >/dev/null || die 7 \
        "error: no Docker engine answers at DOCKER_HOST=$DOCKER_HOST, and it is not a unix socket of this machine." \
        "Start that engine, or unset DOCKER_HOST to use one of this machine."
    command -v dockerd >/dev/null || die 4 \
        "error: no Docker engine answers at $(engine_socket), and dockerd is not installed." \
        "On Debian and Ubuntu: make setup (needs root or sudo). Elsewhere: install Docker Engine 20.10 or later from your" \
        "distribution or from https://docs.docker.com/engine/install/, start it, and run this again." \
        "An engine elsewhere works too: set DOCKER_HOST to its unix socket."
    command -v iptables >/dev/null || die 4 "error: dockerd needs iptables, which is not installed." "Run: make setup"
    [[ $(id -u) == 0 ]] || die 5 \
        "error: no Docker engine answers at $(engine_socket) for $(id -un), and only root can start one." \
        "If one runs: join its group (sudo usermod -aG docker $(id -un), then log in anew)." \
        "If none runs: sudo systemctl start docker, or run this as root."
}

start_with_systemd() {
    [[ -d /run/systemd/system && -z ${DOCKER_HOST:-} && ${#dockerd_options[@]} == 0 ]] || return 1
    systemctl cat docker.service >/dev/null 2>&1 || return 1
    systemctl start docker.service || die 6 "error: systemctl start docker failed." "Look at: journalctl -u docker -n 50"
    say "Docker engine $(engine_version) was started by systemd and stays: systemctl stop docker ends it"
}

start() {
    refuse_what_cannot_work
    start_with_systemd && return
    local socket id deadline
    socket=$(engine_socket)
    mkdir -p "$state"
    # setsid: the engine outlives this shell and its terminal. No descriptor of ours stays open in it.
    setsid dockerd --host "unix://$socket" --pidfile "$state/dockerd.pid" "${dockerd_options[@]}" \
        </dev/null >"$state/dockerd.log" 2>&1 &
    id=$!
    printf '%s %s\n' "$id" "$(started_at "$id")" >"$state/engine"
    say "Starting a Docker engine (process $id, log $state/dockerd.log)"
    deadline=$((SECONDS + seconds_to_start))
    until engine_answers; do
        if ! own_engine >/dev/null; then
            rm -f "$state/engine"
            show_log
            die 6 "error: the Docker engine ended at once. Another engine with the same data or too few rights are the usual causes."
        fi
        if ((SECONDS >= deadline)); then
            show_log
            stop >&2
            die 6 "error: the Docker engine did not answer within $seconds_to_start s."
        fi
        sleep 0.2
    done
    say "Docker engine $(engine_version) answers at $socket"
}

ensure() {
    if engine_answers; then
        say "Docker engine $(engine_version) answers"
    else
        start
    fi
}

stop() {
    local id deadline
    if ! id=$(own_engine); then
        rm -f "$state/engine"
        say "No engine of ours runs"
        return
    fi
    say "Stopping the Docker engine (process $id)"
    kill -TERM "$id"
    deadline=$((SECONDS + seconds_to_stop))
    # dockerd ends its containers and its containerd before itself.
    while own_engine >/dev/null; do
        ((SECONDS < deadline)) || die 6 "error: the Docker engine (process $id) does not end; its log is $state/dockerd.log"
        sleep 0.1
    done
    rm -f "$state/engine" "$state/dockerd.pid"
}

status() {
    engine_answers || die 3 "No Docker engine answers at ${DOCKER_HOST:-unix:///var/run/docker.sock}"
    local id
    if id=$(own_engine); then
        say "Docker engine $(engine_version) answers; it is ours (process $id)"
    else
        say "Docker engine $(engine_version) answers; it is not ours"
    fi
}

(($# > 0)) || usage
command=$1
shift
state=$root/.quickstart/engine
dockerd_options=()
while (($# > 0)); do
    case $1 in
        --state)
            (($# > 1)) || usage
            state=$2
            shift 2
            ;;
        --)
            shift
            dockerd_options=("$@")
            break
            ;;
        *) usage ;;
    esac
done
case $command in
    ensure | start | stop | status) "$command" ;;
    *) usage ;;
esac
