/**
 * fast-check for all tests: `make test` tries the same cases each time, so that a change fails by what it changes;
 * `make test-all` (`RANDOM_CASES`) tries others each time.
 */
import fc from "fast-check";

if (process.env["RANDOM_CASES"] === undefined) fc.configureGlobal({ seed: 20_261_122 });

export default fc;
