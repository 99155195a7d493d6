/** Proves the guards of tools; `node dist/test/bypass-tools/prove-guards.js [word]`. */
import { prove } from "../bypass/prove.js";
import { guards } from "./guards.js";

process.exitCode = prove({ guards, suite: "bypass-tools", word: process.argv[2] ?? "" }) === 0 ? 0 : 1;
