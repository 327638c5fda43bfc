#!/usr/bin/env bash
# Makes a base image for Templates/llama-cpp where no image registry answers: Debian's Python, busybox and the package
# xllamacpp, taken from this machine and from the Python package index, imported through the Docker Engine API.
#
#   scripts/make-local-base.sh [TAG]        (default: catapult/llama-cpp-base:local)
#
# Does nothing where the tag exists and was made by this script from the same parts. The image is about 65 MB.
# Needs: python3 with pip and busybox-static of the distribution, binutils, curl (`make setup`), and an engine.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/lib.sh"

tag=${1:-catapult/llama-cpp-base:local}
python=/usr/bin/python3
# Keep equal to XLLAMACPP_VERSION in Templates/llama-cpp/Dockerfile.
xllamacpp=2026.10.11549
busybox_links=(sh ls cat cp mv rm ln mkdir chmod id env ps sleep head tail grep sed wget)

[[ $tag == *:* && ${tag##*:} != */* ]] || tag=$tag:latest
[[ -x $python && -x /bin/busybox ]] || die 3 "error: $python or /bin/busybox is missing" "Run: make setup"
command -v strip >/dev/null || die 3 "error: strip is missing (package binutils)" "Run: make setup"
engine_answers || die 4 "error: no Docker engine answers" "Run: scripts/engine.sh ensure"

# What the image is made of: the same words, the same image.
recipe=$({
    cat "${BASH_SOURCE[0]}"
    sha256sum "$(readlink -f "$python")" /bin/busybox
    uname -m
} | sha256sum | cut -d' ' -f1)

recorded=$(engine_api GET "/images/$tag/json" 2>/dev/null |
    "$python" -c 'import json, sys; print(((json.load(sys.stdin).get("Config") or {}).get("Labels") or {}).get("catapult.base.recipe", ""))' \
        2>/dev/null || true)
if [[ $recorded == "$recipe" ]]; then
    say "$tag is up to date"
    exit 0
fi

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
image=$scratch/image
started=$SECONDS

say "Making $tag (no image registry is needed)"
say "  Python $("$python" -c 'import platform; print(platform.python_version())') and busybox of this machine"
mkdir -p "$image"/{app,bin,etc,models,root,tmp,usr/bin,usr/lib,usr/lib64}
chmod 1777 "$image/tmp"
ln -s usr/lib "$image/lib"
ln -s usr/lib64 "$image/lib64"
cp -L "$python" "$image/usr/bin/python3"
cp /bin/busybox "$image/bin/"
for name in "${busybox_links[@]}"; do ln -s busybox "$image/bin/$name"; done
library=$("$python" -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')
mkdir -p "$image$library"
tar -C "$library" --exclude=__pycache__ --exclude='./config-*' --exclude=./sitecustomize.py \
    --exclude=./test --exclude=./idlelib --exclude=./tkinter --exclude=./lib2to3 --exclude=./ensurepip \
    --exclude=./pydoc_data --exclude=./turtledemo -c . | tar -C "$image$library" -x

say "  xllamacpp $xllamacpp from the Python package index"
# `download` and unpacking, and no `install`: nothing of this machine's Python is touched (PEP 668).
PYTHONDONTWRITEBYTECODE=1 "$python" -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: \
    --dest "$scratch/wheels" "xllamacpp==$xllamacpp"
packages=$image/usr/local/lib/$(basename "$library")/dist-packages
mkdir -p "$packages"
"$python" -m zipfile -e "$scratch"/wheels/xllamacpp-*.whl "$packages"
strip "$packages"/xllamacpp/*.so

say "  the shared libraries that they are linked with"
{
    for file in "$image/usr/bin/python3" "$image$library"/lib-dynload/*.so "$packages"/xllamacpp/*.so; do
        ldd "$file"
    done
} | grep -oE '/[^ ]+\.so[^ ]*' | sort -u | while read -r file; do
    [[ $file == "$image"/* ]] && continue
    mkdir -p "$image$(dirname "$file")"
    cp -L "$file" "$image$file"
done
printf 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/tmp:/bin/sh\n' >"$image/etc/passwd"
printf 'root:x:0:\nnogroup:x:65534:\n' >"$image/etc/group"

say "  importing it into the engine"
query="fromSrc=-&repo=${tag%:*}&tag=${tag##*:}"
query+="&changes=LABEL%20catapult.base.recipe%3D$recipe"
query+="&changes=ENV%20PATH%3D/usr/local/bin:/usr/bin:/bin"
answer=$(tar -C "$image" --numeric-owner --owner=0 --group=0 -c . |
    engine_api POST "/images/create?$query" --header 'Content-Type: application/x-tar' --upload-file - --no-buffer)
# The engine answers 200 and tells of a failure in the stream.
[[ $answer == *'"sha256:'* ]] || die 5 "error: the engine did not import the image: $answer"
say "$tag is made ($((SECONDS - started)) s)"
