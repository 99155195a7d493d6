#!/usr/bin/env bash
# Puts a real OCI registry and a real S3-compatible store, as pinned, into .cache/stores.
set -euo pipefail
cd "$(dirname "$0")/.."
to=$PWD/.cache/stores
for one in github.com/google/go-containerregistry/cmd/registry@v0.22.1 \
  github.com/versity/versitygw/cmd/versitygw@v1.8.0; do
  name=${one##*/}
  name=${name%@*}
  if [ "$(cat "$to/$name.installed" 2>/dev/null)" = "$one" ]; then continue; fi
  deploy/prerequisites.sh go
  echo "building $name"
  GOBIN=$to go install "$one"
  echo "$one" >"$to/$name.installed"
done
