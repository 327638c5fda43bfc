#!/usr/bin/env bash
# A throw-away PostgreSQL server for tests: empty, without a port, and not safe against a loss of power.
#
#   scripts/postgres.sh start DIR      makes the server's files in the new folder DIR, starts it, and prints its URL
#   scripts/postgres.sh stop DIR       ends the server of DIR; its files stay, and `again` starts it anew
#   scripts/postgres.sh again DIR      starts a server that was stopped
#   scripts/postgres.sh remove DIR     ends the server of DIR and removes the folder
#
# It listens on a socket in DIR only, so the path of DIR may have at most 80 characters. PostgreSQL refuses to run as root: then it
# runs as the user postgres, or as nobody.
#
# Exit status: 0 done; 2 wrong usage; 4 PostgreSQL is not installed; 6 the server did not start, or did not end.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/lib.sh"

[[ $# == 2 ]] || die 2 "usage: scripts/postgres.sh start|stop|again|remove DIR"
action=$1
folder=$2
((${#folder} <= 80)) || die 2 "error: the path of the folder is too long for a socket: $folder"

# Debian keeps the server's programs apart, one folder a version; the newest is taken.
programs=$(printf '%s\n' /usr/lib/postgresql/*/bin | sort -V | tail -n 1)
if [[ ! -x $programs/initdb ]]; then
    found=$(command -v initdb) || die 4 "error: PostgreSQL is not installed." "On Debian and Ubuntu: scripts/setup.sh database"
    programs=$(dirname "$(readlink -f "$found")")
fi

as_owner=()
if [[ $(id -u) == 0 ]]; then
    owner=postgres
    id "$owner" >/dev/null 2>&1 || owner=nobody
    as_owner=(setpriv "--reuid=$owner" "--regid=$(id -g "$owner")" --clear-groups)
fi

# The programs look at the working folder, which the owner may not be allowed to read.
run() { (cd / && env -u PGDATA -u PGHOST -u PGPORT LC_ALL=C.UTF-8 ${as_owner[@]+"${as_owner[@]}"} "$@"); }

begin() {
    local options="-k $folder -c listen_addresses='' -c fsync=off -c synchronous_commit=off -c full_page_writes=off -c max_connections=200"
    # What the server inherits stays open in it: not this script's output, for whose end somebody may wait.
    run "$programs/pg_ctl" start --pgdata="$folder/data" --log="$folder/log" --wait --timeout=60 --silent --options="$options" \
        >/dev/null 2>&1 || {
        tail -n 15 "$folder/log" >&2 || true
        die 6 "error: PostgreSQL did not start; its last words are above."
    }
}

finish() {
    run "$programs/pg_ctl" stop --pgdata="$folder/data" --mode="$1" --wait --timeout=60 --silent >/dev/null 2>&1
}

case $action in
    start)
        mkdir -m 700 "$folder"
        if ((${#as_owner[@]})); then chown "$owner" "$folder"; fi
        run "$programs/initdb" --pgdata="$folder/data" --username=catapult --auth=trust --encoding=UTF8 --locale=C.UTF-8 --no-sync \
            >"$folder/initdb.log" 2>&1 || {
            cat "$folder/initdb.log" >&2
            rm -rf "$folder"
            die 6 "error: initdb failed; its words are above."
        }
        begin
        say "postgresql://catapult@/postgres?host=$folder"
        ;;
    stop) finish fast || die 6 "error: the server of $folder did not end." ;;
    again) begin ;;
    remove)
        [[ -e $folder/data ]] || die 2 "error: $folder is not the folder of a server that this script made."
        if [[ -e $folder/data/postmaster.pid ]]; then finish immediate || say "the server of $folder had ended" >&2; fi
        rm -rf "$folder"
        ;;
    *) die 2 "usage: scripts/postgres.sh start|stop|again|remove DIR" ;;
esac
