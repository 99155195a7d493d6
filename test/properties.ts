/**
 * fast-check for all tests: `make test` tries the same cases each time, so that a change fails by what it changes;
 * `make test-all` (`RANDOM_CASES`) tries others each time.
 */
import fastCheck from "fast-check";

if (process.env["RANDOM_CASES"] === undefined) fastCheck.configureGlobal({ seed: 20_261_122 });

export { fastCheck as fc };
