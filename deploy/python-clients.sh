#!/usr/bin/env bash
# Installs the Python clients that tests use, into .cache, unless they are there as pinned.
set -euo pipefail
cd "$(dirname "$0")/.."
uv=.cache/uv/bin/uv
# it takes a tenth of pip's time; where it can't be had, pip does
fetch_uv() {
  [ -x "$uv" ] || python3 -m pip install --quiet --disable-pip-version-check --root-user-action ignore \
    --no-deps --no-compile --target .cache/uv uv==0.13.9 </dev/null 2>/dev/null
}
# all that is needed is pinned: nothing is left to resolve, which takes minutes
install() {
  rm -rf "$1"
  { fetch_uv && "$uv" pip install --quiet --no-deps --no-cache --target "$1" -r "$2" </dev/null; } && return
  rm -rf "$1"
  python3 -m pip install --quiet --disable-pip-version-check --root-user-action ignore \
    --no-deps --no-compile --target "$1" -r "$2" </dev/null
}
while read -r folder pinned; do
  if cmp -s "$pinned" ".cache/$folder/.installed"; then continue; fi
  deploy/prerequisites.sh python3
  echo "installing the Python clients of $pinned"
  install ".cache/$folder" "$pinned"
  cp "$pinned" ".cache/$folder/.installed"
done <<'PINNED'
python-clients test/python/requirements.txt
python-milvus test/gateway/retrieval/stores/milvus/requirements.txt
python-mcp test/mcp/clients/requirements.txt
python-mcp-langchain test/mcp/clients/requirements-langchain.txt
python-chroma test/gateway/retrieval/stores/chroma/requirements.txt
PINNED
