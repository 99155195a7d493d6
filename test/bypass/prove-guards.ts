/** Proves the guards of models and the like; `node dist/test/bypass/prove-guards.js [word]`. */
import { guards } from "./guards.js";
import { prove } from "./prove.js";

process.exitCode = prove({ guards, suite: "bypass", word: process.argv[2] ?? "" }) === 0 ? 0 : 1;
