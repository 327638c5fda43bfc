#!/usr/bin/env bash
# Installs what the checkout needs and the machine lacks. Asks the package manager for nothing where nothing is missing.
#
#   scripts/setup.sh [build] [engine] [database] [lint]        (default: build engine)
#
#   build    what compiles and links Catapult, next to the Swift toolchain, which is checked and not installed
#   engine   Docker Engine, and what the local base image is made of
#   database PostgreSQL and its client library, for tests on both databases; no server of it is left running
#   lint     what `make lint` checks the scripts with
#
# With apt-get on Debian 12 and its relatives, as root or through sudo. Elsewhere it says what is missing.
#
# Exit status: 0 all is there; 2 wrong usage; 3 something is missing and cannot be installed; 4 no fitting Swift toolchain.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/lib.sh"

swift_needed=6.2

# What the Swift toolchain links with and runs on, and the system libraries of our own: SQLite and zlib.
build_packages=(
    ca-certificates curl git make g++ binutils pkg-config libc6-dev tzdata
    libcurl4-openssl-dev libncurses-dev libxml2-dev libsqlite3-dev zlib1g-dev
)
engine_packages=(ca-certificates curl docker.io iptables busybox-static binutils python3 python3-pip)
database_packages=(libpq5 postgresql)
lint_packages=(python3 shellcheck)

build_commands=(curl git make)
engine_commands=(curl docker)
database_commands=(initdb pg_dump psql)
lint_commands=(python3 shellcheck)

installed() { [[ $(dpkg-query --show --showformat='${db:Status-Status}' "$1" 2>/dev/null) == installed ]]; }

# An engine of another make (docker-ce, Podman's socket) serves as well, and must not be replaced by the distribution's.
has_other_engine() { command -v dockerd >/dev/null || engine_answers; }

# The server's programs in any version, from wherever.
has_postgresql() { compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || command -v initdb >/dev/null; }

as_root() {
    if [[ $(id -u) == 0 ]]; then
        "$@"
    else
        sudo "$@"
    fi
}

install_with_apt() {
    local package missing=()
    for package in "$@"; do
        [[ $package == docker.io ]] && has_other_engine && continue
        [[ $package == postgresql ]] && has_postgresql && continue
        installed "$package" || missing+=("$package")
    done
    # Twice in the list, once in the command.
    mapfile -t missing < <(printf '%s\n' ${missing[@]+"${missing[@]}"} | sed '/^$/d' | sort -u)
    if ((${#missing[@]} == 0)); then
        say "All packages are installed"
        return
    fi
    if [[ $(id -u) != 0 ]] && ! command -v sudo >/dev/null; then
        die 3 "error: these packages are missing, and only root can install them:" "  ${missing[*]}" \
            "Run as root: apt-get install --no-install-recommends ${missing[*]}"
    fi
    say "Installing: ${missing[*]}"
    export DEBIAN_FRONTEND=noninteractive
    # Debian would make a cluster and start it; the tests start servers of their own.
    local no_cluster=/etc/postgresql-common/createcluster.d/catapult-setup.conf
    if [[ " ${missing[*]} " == *" postgresql "* ]]; then
        as_root mkdir -p "${no_cluster%/*}"
        as_root tee "$no_cluster" <<<'create_main_cluster = false' >/dev/null
        trap 'as_root rm -f '"$no_cluster" EXIT
    fi
    local log
    log=$(mktemp)
    if ! { as_root apt-get update && as_root apt-get install --yes --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
        tail -n 20 "$log" >&2
        rm -f "$log"
        die 3 "error: apt-get did not install: ${missing[*]}" \
            "Its last words are above. Set its sources right or install these packages in another way; then run this again."
    fi
    rm -f "$log"
}

check_commands() {
    local command missing=()
    for command in "$@"; do
        command -v "$command" >/dev/null || missing+=("$command")
    done
    ((${#missing[@]} == 0)) || die 3 "error: this machine has no apt-get, and these commands are missing: ${missing[*]}" \
        "Install them with its own package manager; then run this again."
}

check_swift() {
    command -v swift >/dev/null || die 4 "error: there is no swift in the PATH." \
        "Install Swift $swift_needed or later from https://www.swift.org/install/ and put its usr/bin into the PATH."
    local version
    version=$(swift --version 2>/dev/null | grep -oE 'Swift version [0-9.]+' | grep -oE '[0-9.]+' | head -1) ||
        die 4 "error: swift --version does not work: $(swift --version 2>&1 | tail -n 1)"
    if [[ $(printf '%s\n' "$swift_needed" "$version" | sort -V | head -1) != "$swift_needed" ]]; then
        die 4 "error: Swift $version is too old; Catapult needs $swift_needed or later (https://www.swift.org/install/)."
    fi
    say "Swift $version"
}

groups=("$@")
((${#groups[@]})) || groups=(build engine)
packages=()
commands=()
for group in "${groups[@]}"; do
    case $group in
        build) packages+=("${build_packages[@]}") commands+=("${build_commands[@]}") ;;
        engine) packages+=("${engine_packages[@]}") commands+=("${engine_commands[@]}") ;;
        database) packages+=("${database_packages[@]}") commands+=("${database_commands[@]}") ;;
        lint) packages+=("${lint_packages[@]}") commands+=("${lint_commands[@]}") ;;
        *) die 2 "usage: scripts/setup.sh [build] [engine] [database] [lint]" ;;
    esac
done
if command -v apt-get >/dev/null && command -v dpkg-query >/dev/null; then
    install_with_apt "${packages[@]}"
else
    check_commands "${commands[@]}"
fi
if [[ " ${groups[*]} " == *" build "* ]]; then
    check_swift
fi
