/** Proves the guards of retrieval; `node dist/test/bypass-retrieval/prove-guards.js [word]`. */
import { prove } from "../bypass/prove.js";
import { guards } from "./guards.js";

process.exitCode = prove({ guards, suite: "bypass-retrieval", word: process.argv[2] ?? "" }) === 0 ? 0 : 1;
