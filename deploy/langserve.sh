#!/usr/bin/env bash
# Installs the LangServe that test/langserve runs, into .cache/langserve, unless it is there as pinned.
set -euo pipefail
cd "$(dirname "$0")/.."
pinned=test/langserve/requirements.txt
folder=.cache/langserve
if cmp -s "$pinned" "$folder/.installed"; then exit 0; fi
deploy/prerequisites.sh python3
echo "installing the LangServe of test/langserve"
rm -rf "$folder"
python3 -m pip install --quiet --disable-pip-version-check --root-user-action ignore \
  --no-deps --no-compile --target "$folder" -r "$pinned"
cp "$pinned" "$folder/.installed"
