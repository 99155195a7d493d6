/** Stands for `@jest/globals`, which jest gives only to modules that it loads itself. */
const given = (globalThis as unknown as Record<symbol, Record<string, unknown>>)[Symbol.for("tests.globals")];
if (given === undefined) throw new Error("tests are run by jest");
export const { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest, test } = given;
