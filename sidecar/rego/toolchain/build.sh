#!/usr/bin/env bash
# Builds two WASI reactors into dist/: OPA's compiler (toolchain.wasm), and its built-ins with fuel (builtins.wasm).
# `build.sh toolchain` makes the first only, which needs nothing of npm's. `build.sh native` makes the compiler as a program of
# this machine, which authors' commands take where it is there: it is some six times as fast.
# Each is left alone where its sources, Go and the meter haven't changed. The meter is TypeScript: where tsc hasn't run,
# or Node isn't there, the built-ins stay without fuel, and who loads them meters them (half a second each time).
set -euo pipefail
cd "$(dirname "$0")"
dist=../../../dist/sidecar
out=$dist/rego/toolchain
meter=$dist/decide/builtins/go/go-meter.js
mkdir -p "$out"

if ! command -v go >/dev/null; then
  # who installed the package has the built reactors and needs no Go
  [ -f "$out/toolchain.wasm" ] && [ -f "$out/builtins.wasm" ] && exit 0
  echo "missing: Go $(sed -n 's/^go //p' go.mod) or newer. Install it from go.dev/dl or with: apt-get install golang" >&2
  exit 1
fi
common=$(go version; cat go.mod go.sum build.sh)
meter_code=unmetered
if [ -f "$meter" ] && command -v node >/dev/null; then
  meter_code=$(cat "$meter" "${meter%meter.js}module.js" "$dist"/decide/{fuel,fuel-code,fuel-scan,limit-memory,wasm-binary,wasm-sections}.js)
fi
out=$(cd "$out" && pwd)
# two builds at once must not write into one file
trap 'rm -f "$out"/*.wasm."$$" "$out"/*.wasm."$$".plain "$out"/native/toolchain."$$"' EXIT

compile() { # package, file, further linker flags
  GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -trimpath -buildvcs=false -ldflags="-s -w $3" -o "$2" "$1"
}
build_toolchain() { compile . "$1" ""; }
build_native() { CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags="-s -w" -o "$1" .; }
build_builtins() {
  # the end of Go's heap is a variable of its runtime: see builtins/break.go
  compile ./builtins "$1.plain" -checklinkname=0
  if [ "$meter_code" = unmetered ]; then mv "$1.plain" "$1"; else node "$meter" "$1.plain" "$1"; fi
}

# what goes into a reactor: tests don't
sources() { find "$1" -maxdepth 1 -name '*.go' ! -name '*_test.go' | LC_ALL=C sort | xargs cat; }

make_one() { # name, file, stamp file, what is built, what it depends on
  local stamp
  stamp=$(printf '%s' "$5" | sha256sum | cut -d' ' -f1)
  if [ -f "$out/$2" ] && [ "$(cat "$out/$3" 2>/dev/null)" = "$stamp" ]; then return; fi
  echo "building $4 from OPA's Go packages (a minute or two the first time)"
  "build_$1" "$out/$2.$$"
  # the stamp goes first: a build that is cut short must not leave the old stamp beside a new reactor
  rm -f "$out/$3"
  mv "$out/$2.$$" "$out/$2"
  echo "$stamp" >"$out/$3"
  echo "built $4 ($(du -h "$out/$2" | cut -f1))"
}

if [ "${1:-}" = native ]; then
  mkdir -p "$out/native"
  # of the same sources as the reactor, else nobody takes it
  make_one native native/toolchain native/stamp "the Rego toolchain for this machine" "$common$(sources .)"
  exit
fi

make_one toolchain toolchain.wasm stamp "the Rego toolchain" "$common$(sources .)"
[ "${1:-}" = toolchain ] ||
  make_one builtins builtins.wasm builtins.stamp "OPA's built-ins" "$common$(sources builtins)$meter_code"
