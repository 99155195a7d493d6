import { addresses } from "./addresses.js";
import type { Instead } from "./instead.js";
import { json } from "./json.js";
import { numbers } from "./numbers.js";
import { strings } from "./strings.js";

/** The built-ins that are served instead of the module's own, because its C code differs from OPA's Go code. */
export const instead: ReadonlyMap<string, Instead> = new Map([...numbers, ...json, ...strings, ...addresses]);
