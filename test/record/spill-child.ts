/** A process that spills until it is killed; it says after each write how many events were taken. */
import { createBlockMaker } from "../../sidecar/record/upload/block.js";
import { openSpill } from "../../sidecar/record/spill/spill.js";
import { lineOf } from "./spilling.js";

const [, , directory = "", strict, most = "1e9"] = process.argv;
const store = await openSpill({
  ...{ directory, maxBytes: 2 ** 21, strict: strict === "strict", now: Date.now },
  onDropped: () => process.exit(3),
  onOdd: () => undefined,
});
const make = createBlockMaker({ most: 32_000, now: Date.now, onTooLarge: () => undefined });
process.stdout.write("open\n");
for (let n = 0; n < Number(most); n += 20) {
  await store.append(await make(Array.from({ length: 20 }, (_, i) => lineOf(n + i))));
  process.stdout.write(`${n + 20}\n`);
}
// it keeps its lock
setInterval(() => undefined, 1_000);
