#!/usr/bin/env bash
# Installs the Python clients that tests use, into .cache, unless they are there as pinned.
set -euo pipefail
cd "$(dirname "$0")/.."
while read -r folder pinned; do
  if cmp -s "$pinned" ".cache/$folder/.installed"; then continue; fi
  deploy/prerequisites.sh python3
  echo "installing the Python clients of $pinned"
  rm -rf ".cache/$folder"
  # all that is needed is pinned: nothing is left to resolve, which takes minutes
  python3 -m pip install --quiet --disable-pip-version-check --root-user-action ignore \
    --no-deps --no-compile --target ".cache/$folder" -r "$pinned" </dev/null
  cp "$pinned" ".cache/$folder/.installed"
done <<'PINNED'
python-clients test/python/requirements.txt
python-milvus test/gateway/retrieval/stores/milvus/requirements.txt
python-mcp test/mcp/clients/requirements.txt
python-mcp-langchain test/mcp/clients/requirements-langchain.txt
python-chroma test/gateway/retrieval/stores/chroma/requirements.txt
PINNED
