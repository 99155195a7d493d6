#!/usr/bin/env bash
# Puts OpenSearch's jars, as pinned, and the program that starts a node of them into .cache/opensearch.
set -euo pipefail
cd "$(dirname "$0")/.."
from=test/gateway/retrieval/stores/search/opensearch
to=.cache/opensearch
if cmp -s "$from/pom.xml" "$to/.installed"; then exit 0; fi
deploy/prerequisites.sh java mvn
echo "fetching OpenSearch's jars"
rm -rf "$to"
mkdir -p "$to"
mvn -q -B -C -f "$from/pom.xml" dependency:copy-dependencies -DoutputDirectory="$PWD/$to/lib" </dev/null
javac -cp "$to/lib/*" -d "$to" "$from/Main.java"
cp "$from/pom.xml" "$to/.installed"
