/** Meters the reactor once, when it is built: `node go-meter.js <built> <metered>`. */
import { readFileSync, writeFileSync } from "node:fs";
import { meter } from "./go-module.js";

const [, , from = "", to = ""] = process.argv;
writeFileSync(to, meter(readFileSync(from)));
