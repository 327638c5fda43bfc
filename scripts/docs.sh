#!/usr/bin/env bash
# Builds the reference of the Swift libraries that others program against, as a static site.
#
#   scripts/docs.sh [DIR]        (default: .build/docs; serve it with any static file server)
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/lib.sh"
cd "$root"

output=${1:-.build/docs}
modules=(Catapult CatapultAPI)
graphs=$(mktemp -d)
trap 'rm -rf "$graphs"' EXIT

for module in "${modules[@]}"; do
    swift build --target "$module" -Xswiftc -emit-symbol-graph -Xswiftc -emit-symbol-graph-dir -Xswiftc "$graphs" \
        --scratch-path .build/symbol-graphs
done
mkdir -p "$graphs/ours" "$output"
for module in "${modules[@]}"; do
    cp "$graphs/$module".symbols.json "$graphs/$module"@*.symbols.json "$graphs/ours/" 2>/dev/null || cp "$graphs/$module".symbols.json "$graphs/ours/"
done
docc convert --additional-symbol-graph-dir "$graphs/ours" --fallback-display-name Catapult --fallback-bundle-identifier catapult \
    --transform-for-static-hosting --output-path "$output"
say "The reference is in $output"
