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
# A build folder of its own: other compiler options would make every other build start anew.
scratch=$root/.build/symbol-graphs
graphs=$scratch/graphs
ours=$(mktemp -d)
trap 'rm -rf "$ours"' EXIT

for module in "${modules[@]}"; do
    swift build --target "$module" --scratch-path "$scratch" \
        -Xswiftc -emit-symbol-graph -Xswiftc -emit-symbol-graph-dir -Xswiftc "$graphs"
    # A module has one graph of its own and one for each module that it extends.
    find "$graphs" -maxdepth 1 \( -name "$module.symbols.json" -o -name "$module@*.symbols.json" \) -exec cp {} "$ours" \;
done
mkdir -p "$output"
docc convert --additional-symbol-graph-dir "$ours" --fallback-display-name Catapult --fallback-bundle-identifier catapult \
    --transform-for-static-hosting --output-path "$output"
say "The reference is in $output"
