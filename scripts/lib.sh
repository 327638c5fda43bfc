# shellcheck shell=bash
# Words that the scripts share. Sourced, never run.

# The root of the checkout.
# shellcheck disable=SC2034
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

say() { printf '%s\n' "$*"; }

# die STATUS LINE...: the lines go to standard error.
die() {
    local status=$1
    shift
    printf '%s\n' "$@" >&2
    exit "$status"
}

# engine_socket: path of the Docker engine's unix socket. Fails where DOCKER_HOST names an engine that is reached otherwise.
engine_socket() {
    local host=${DOCKER_HOST:-unix:///var/run/docker.sock}
    [[ $host == unix://* ]] || return 1
    printf '%s\n' "${host#unix://}"
}

# engine_api METHOD PATH [CURL-OPTION...]: calls the engine where DOCKER_HOST says.
engine_api() {
    local method=$1 path=$2 socket
    shift 2
    if socket=$(engine_socket); then
        curl --silent --show-error --unix-socket "$socket" --request "$method" "$@" "http://engine$path"
    elif [[ $DOCKER_HOST == tcp://* && -z ${DOCKER_TLS_VERIFY:-} ]]; then
        curl --silent --show-error --request "$method" "$@" "http://${DOCKER_HOST#tcp://}$path"
    else
        say "DOCKER_HOST is $DOCKER_HOST: these scripts speak unix:// and plain tcp:// only" >&2
        return 1
    fi
}

# python_packages NAME LIST: the folder .build/NAME with the Python packages of a list, installed there where they are missing or others.
python_packages() {
    local folder=$root/.build/$1 list=$root/$2
    if ! cmp --silent "$list" "$folder/requirements.txt"; then
        rm -rf "$folder"
        python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --no-warn-conflicts --target "$folder" \
            --requirement "$list" >&2 || return
        cp "$list" "$folder/requirements.txt"
    fi
    printf '%s\n' "$folder"
}

engine_answers() { engine_api GET /_ping --max-time 3 --fail --output /dev/null 2>/dev/null; }
