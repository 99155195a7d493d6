#!/usr/bin/env bash
# Names each missing prerequisite with the command that installs it; installs Debian packages itself where it may.
set -euo pipefail

# may we install Debian packages without asking anyone?
apt_install() {
  command -v apt-get >/dev/null && [ "$(id -u)" = 0 ] || return 1
  echo "installing $1 with apt-get"
  local install=(apt-get install -y -qq --no-install-recommends "$1")
  { "${install[@]}" || { apt-get update -qq && "${install[@]}"; }; } >/dev/null 2>&1
}

missing=0
for tool in "$@"; do
  case "$tool" in
    node)
      if ! command -v node >/dev/null || [ "$(node -p 'process.versions.node.split(".")[0]')" -lt 20 ]; then
        echo "missing: Node.js 20 or newer. Install it from nodejs.org or with: nvm install --lts" >&2
        missing=1
      fi ;;
    npm) command -v npm >/dev/null || { echo "missing: npm. It comes with Node.js" >&2; missing=1; } ;;
    go)
      # the compiled toolchain may be there already
      command -v go >/dev/null || [ -f dist/sidecar/rego/toolchain/toolchain.wasm ] ||
        { echo "missing: Go 1.26 or newer. Install it from go.dev/dl or with: apt-get install golang" >&2; missing=1; } ;;
    redis-server)
      command -v redis-server >/dev/null || apt_install redis-server ||
        { echo "missing: redis-server. Install it with: sudo apt-get install redis-server" >&2; missing=1; } ;;
    postgres)
      # its programs are by version; root may not run them, the package makes a user who may
      ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 || apt_install postgresql ||
        { echo "missing: PostgreSQL 15 or newer. Install it with: sudo apt-get install postgresql" >&2; missing=1; } ;;
    python3)
      # --root-user-action came with pip 22.1
      python3 -m pip --version >/dev/null 2>&1 || apt_install python3-pip ||
        { echo "missing: Python 3.10 or newer with pip. Install it with: sudo apt-get install python3-pip" >&2; missing=1; } ;;
    java)
      # Keycloak is built and run by it; the JDK unpacks it, too
      command -v jar >/dev/null || apt_install openjdk-17-jdk-headless ||
        { echo "missing: a JDK 17 or newer. Install it with: sudo apt-get install openjdk-17-jdk-headless" >&2; missing=1; } ;;
    mvn)
      command -v mvn >/dev/null || apt_install maven ||
        { echo "missing: mvn. Install it with: sudo apt-get install maven" >&2; missing=1; } ;;
    promtool)
      command -v promtool >/dev/null || apt_install prometheus ||
        { echo "missing: promtool. Install it with: sudo apt-get install prometheus" >&2; missing=1; } ;;
  esac
done
exit "$missing"
