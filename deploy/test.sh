#!/usr/bin/env bash
# Runs the Rego tests, the jest tests and OPA's own cases; the last line is "N passed, N failed".
set -uo pipefail
results=$(mktemp)
status=0

deploy/python-clients.sh || status=1
# they keep one core busy for a minute
rego_tests() {
  local failed=0
  for policies in policies operator; do
    bin/countersign.js check --strict "$policies" || failed=1
    bin/countersign.js test --coverage --threshold 100 "$policies" || failed=1
  done
  return "$failed"
}
said=$(mktemp)
trap 'rm -f "$results" "$said"' EXIT
rego_tests >"$said" 2>&1 &
rego=$!
NODE_OPTIONS="--no-warnings" npx jest --json --outputFile="$results" "$@" || status=1
wait "$rego" || status=1
cat "$said"
node --no-warnings dist/test/conformance/main.js $([ -n "${RANDOM_CASES:-}" ] || echo --most) || status=1

counts=$(node -e '
  const results = JSON.parse(require("node:fs").readFileSync(process.argv[1], "utf8"));
  // a test file that could not be loaded failed, too
  console.log(results.numPassedTests, results.numFailedTests + results.numRuntimeErrorTestSuites);
' "$results") || { counts="0 1"; status=1; }
read -r passed failed <<<"$counts"
[ "$status" = 0 ] || [ "$failed" != 0 ] || failed=1
[ "$passed" != 0 ] || status=1
echo "$passed passed, $failed failed"
exit "$status"
