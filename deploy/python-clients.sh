#!/usr/bin/env bash
# Installs the Python clients that test/python uses, into .cache/python-clients, unless they are there as pinned.
set -euo pipefail
cd "$(dirname "$0")/.."
pinned=test/python/requirements.txt
folder=.cache/python-clients
if cmp -s "$pinned" "$folder/.installed"; then exit 0; fi
deploy/prerequisites.sh python3
echo "installing the Python clients of test/python"
rm -rf "$folder"
# all that is needed is pinned: nothing is left to resolve, which takes minutes
python3 -m pip install --quiet --disable-pip-version-check --root-user-action ignore \
  --no-deps --no-compile --target "$folder" -r "$pinned"
cp "$pinned" "$folder/.installed"
