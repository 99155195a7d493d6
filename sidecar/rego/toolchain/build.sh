#!/usr/bin/env bash
# Builds OPA's compiler as a WASI reactor into dist/; does nothing where the sources and Go haven't changed.
set -euo pipefail
cd "$(dirname "$0")"
out=../../../dist/sidecar/rego/toolchain
mkdir -p "$out"

if ! command -v go >/dev/null; then
  # who installed the package has the built toolchain and needs no Go
  [ -f "$out/toolchain.wasm" ] && exit 0
  echo "missing: Go $(sed -n 's/^go //p' go.mod) or newer. Install it from go.dev/dl or with: apt-get install golang" >&2
  exit 1
fi
stamp=$( (go version; cat ./*.go go.mod go.sum build.sh) | sha256sum | cut -d' ' -f1)
if [ -f "$out/toolchain.wasm" ] && [ "$(cat "$out/stamp" 2>/dev/null)" = "$stamp" ]; then exit 0; fi

# two builds at once must not write into one file
new="$(cd "$out" && pwd)/toolchain.wasm.$$"
trap 'rm -f "$new"' EXIT
echo "building the Rego toolchain from OPA's Go packages (a minute or two the first time)"
GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -trimpath -buildvcs=false -ldflags='-s -w' -o "$new" .
# the stamp goes first: a build that is cut short must not leave the old stamp beside a new reactor
rm -f "$out/stamp"
mv "$new" "$out/toolchain.wasm"
echo "$stamp" >"$out/stamp"
echo "built the Rego toolchain ($(du -h "$out/toolchain.wasm" | cut -f1))"
