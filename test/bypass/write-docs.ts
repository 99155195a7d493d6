/** Writes the table of docs/gateway-bypass.md anew: `node dist/test/bypass/write-docs.js`. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../world.js";
import { describeTopics } from "./describe.js";
import { topics } from "./topics.js";

const path = join(root, "docs/gateway-bypass.md");
const text = readFileSync(path, "utf8");
writeFileSync(
  path,
  text.replace(/\| what is tried[\s\S]*\| all \| \d+ \| \|/, () => describeTopics(topics)),
);
