/** Writes the table of docs/gateway-retrieval-bypass.md anew: `node dist/test/bypass-retrieval/write-docs.js`. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describeTopics } from "../bypass/describe.js";
import { root } from "../world.js";
import { topics } from "./topics.js";

const path = join(root, "docs/gateway-retrieval-bypass.md");
const text = readFileSync(path, "utf8");
writeFileSync(
  path,
  text.replace(/\| what is tried[\s\S]*\| all \| \d+ \| \|/, () => describeTopics(topics)),
);
