#!/usr/bin/env bash
# Gets Keycloak from Maven Central and builds it for tests, once; the last line is where it is.
set -euo pipefail
version=26.4.0
cache=${KEYCLOAK_CACHE:-$PWD/.cache/keycloak}
home=$cache/keycloak-$version
if [ ! -f "$home/.built" ]; then
  mkdir -p "$cache"
  # -C: a checksum that differs ends it
  mvn -q -B -C dependency:copy -Dartifact="org.keycloak:keycloak-quarkus-dist:$version:zip" \
    -DoutputDirectory="$cache" -Dmdep.useBaseVersion=true >&2
  rm -rf "$home"
  (cd "$cache" && jar xf "keycloak-quarkus-dist-$version.zip")
  chmod +x "$home"/bin/*.sh
  "$home/bin/kc.sh" build --db=dev-mem >&2
  touch "$home/.built"
fi
echo "$home"
