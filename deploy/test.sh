#!/usr/bin/env bash
# Runs the Rego tests, the jest tests and OPA's own cases; the last line is "N passed, N failed".
set -uo pipefail
results=$(mktemp)
trap 'rm -f "$results"' EXIT
status=0

deploy/python-clients.sh || status=1
bin/countersign.js check --strict policies || status=1
bin/countersign.js test --coverage --threshold 100 policies || status=1
bin/countersign.js check --strict operator || status=1
bin/countersign.js test --coverage --threshold 100 operator || status=1
NODE_OPTIONS="--experimental-vm-modules --no-warnings" npx jest --json --outputFile="$results" "$@" || status=1
node --no-warnings dist/test/conformance/main.js || status=1

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
