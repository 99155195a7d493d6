import { BuiltinFault } from "../builtin.js";
import { casts } from "./casts.js";
import { collections } from "./collections.js";
import { crypto } from "./crypto.js";
import { encoding } from "./encoding.js";
import { graphs } from "./graphs.js";
import { marshal } from "./marshal.js";
import { networks } from "./networks.js";
import { semver } from "./semver.js";
import { sprintf } from "./sprintf.js";
import { strings } from "./strings.js";
import { time } from "./time.js";
import type { NodeBuiltin } from "./to-go.js";
import { mayHoldBytes, toGo } from "./to-go.js";
import { units } from "./units.js";
import { uri } from "./uri.js";
import { urlquery } from "./urlquery.js";
import { uuids } from "./uuids.js";

/** OPA names the built-in in its errors; texts that may have been other bytes are left to Go. */
function served(name: string, builtin: NodeBuiltin): NodeBuiltin {
  return (context, ...args) => {
    if (args.some(mayHoldBytes) && context.isUtf8?.() !== true) return toGo;
    try {
      return builtin(context, ...args);
    } catch (error) {
      throw error instanceof BuiltinFault ? new BuiltinFault(error.code, `${name}: ${error.message}`) : error;
    }
  };
}

/** The built-ins that Node serves: their results, and their errors, are OPA's to the byte. */
export const nodeBuiltins: ReadonlyMap<string, NodeBuiltin> = new Map(
  [
    ["sprintf", sprintf] as const,
    ...strings,
    ...encoding,
    ...casts,
    ...crypto,
    ...semver,
    ...units,
    ...uuids,
    ...collections,
    ...graphs,
    ...time,
    ...urlquery,
    ...uri,
    ...marshal,
    ...networks,
  ].map(([name, builtin]) => [name, served(name, builtin)]),
);
