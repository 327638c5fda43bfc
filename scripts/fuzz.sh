#!/usr/bin/env bash
# Sends thousands of requests, drawn by schemathesis from the server's own OpenAPI document, to every operation of a server of its own.
#
#   scripts/fuzz.sh [OPTION...]        of Tests/Fuzzing/fuzz.py: --examples N (10,000 by default), --seconds S, --seed N, --only NAME...
#
# The server has a data directory of its own and no container engine, so that nothing is built or run. All operations at 10,000
# requests each take about three hours on two cores.
#
# Exit status: 0 nothing was found; 1 something was, with the request to see it again.
# The trap calls its function, which shellcheck does not see.
# shellcheck disable=SC2317
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/lib.sh"
cd "$root"

work=$(mktemp -d)
clean_up() {
    local status=$?
    [[ -z ${server:-} ]] || kill "$server" 2>/dev/null || true
    wait
    rm -rf "$work"
    exit "$status"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

scripts/setup.sh build >&2
packages=$(python_packages test-python Tests/requirements.txt)
swift build --product catapult-server >&2
# There from the beginning: the loop below may look before the server has been started.
: >"$work/server.out"
DOCKER_HOST=unix://$work/no-engine.sock "$(swift build --show-bin-path)/catapult-server" --port 0 --data-dir "$work/data" \
    --templates Templates --deployment-ports 19000-19999 --log-level error >"$work/server.out" 2>"$work/server.log" &
server=$!
for _ in {1..600}; do
    url=$(sed -n 's/.* listens on //p' "$work/server.out")
    [[ -z $url ]] || break
    kill -0 "$server" 2>/dev/null || die 1 "error: the server did not start:" "$(tail -n 5 "$work/server.log")"
    sleep 0.1
done
[[ -n $url ]] || die 1 "error: the server does not say where it listens"

status=0
PYTHONPATH=$packages PYTHONDONTWRITEBYTECODE=1 python3 Tests/Fuzzing/fuzz.py --url "$url" --key "$(<"$work/data/admin.key")" \
    --database "$work/data/catapult.sqlite" "$@" || status=$?
if [[ -s $work/server.log ]]; then
    say "The server's log:"
    tail -n 40 "$work/server.log"
fi
exit "$status"
