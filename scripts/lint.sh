#!/usr/bin/env bash
# Checks the form of all sources: Swift with swift-format, shell scripts with bash and shellcheck, Python by parsing it.
# Exit status: 0 clean; 1 something is to be set right.
# `check` calls functions by their names, which shellcheck does not see.
# shellcheck disable=SC2317
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/lib.sh"
cd "$root"

failed=0
check() {
    local what=$1
    shift
    if "$@"; then
        say "clean: $what"
    else
        say "NOT CLEAN: $what" >&2
        failed=1
    fi
}

# Files whose name ends in $2, or whose first line names the interpreter $1.
with_interpreter() {
    find . \( -name .git -o -name '.build*' -o -name .quickstart \) -prune -o -type f -print0 | while IFS= read -r -d '' file; do
        if [[ $file == *"$2" ]] || head -c 64 "$file" | head -n 1 | grep -qaE "^#!.*\b($1)\b"; then
            printf '%s\n' "$file"
        fi
    done
}

syntax_of_scripts() {
    local file status=0
    for file in "$@"; do bash -n "$file" || status=1; done
    return "$status"
}

parse_python() {
    python3 - "$@" <<'PYTHON'
import ast, sys
for path in sys.argv[1:]:
    with open(path, encoding="utf-8") as file:
        ast.parse(file.read(), path)
PYTHON
}

check "Swift" swift format lint --strict --parallel --recursive Sources Tests Package.swift
mapfile -t scripts < <(with_interpreter 'sh|bash' .sh)
check "${#scripts[@]} shell scripts (syntax)" syntax_of_scripts "${scripts[@]}"
if command -v shellcheck >/dev/null; then
    check "${#scripts[@]} shell scripts (shellcheck)" shellcheck --external-sources "${scripts[@]}"
elif [[ ${CI:-} == true ]]; then
    die 1 "error: shellcheck is missing. Run: scripts/setup.sh lint"
else
    say "LEFT OUT: shellcheck is missing; scripts/setup.sh lint installs it"
fi
mapfile -t modules < <(with_interpreter python3 .py)
check "${#modules[@]} Python files" parse_python "${modules[@]}"
exit "$failed"
