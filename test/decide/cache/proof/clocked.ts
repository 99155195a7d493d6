/** Writes conditions on the clock, most of which the compiler can follow to the moment at which they change. */
import type { Json } from "../../../../sidecar/contract.js";
import { parseJson, stringifyJson } from "../../../../sidecar/contract.js";
import type { Random } from "../../../filters/policies.js";
import { anyOf, changed } from "./values.js";
import { inputShape } from "./vocabulary.js";

/** 2023-11-14 22:13:20 UTC, nanoseconds. */
export const beginning = 1_700_000_000_000_000_000n;
const instant = "input.context.time";
const seconds = "input.context.counts.a";

/** Text of a condition; `fresh` gives names. */
export function clocked(random: Random, fresh: (stem: string) => string): string {
  const now = random.of(["time.now_ns()", "time.now_ns()", "now"]);
  const compare = random.of(["<", "<=", ">", ">="]);
  const name = fresh("t");
  const zone = random.of([now, `[${now}, "Europe/Zurich"]`, `[${now}, "UTC"]`]);
  return random.of([
    `${now} ${compare} ${instant}`,
    `${instant} ${compare} ${now}`,
    `not ${now} ${compare} ${instant}`,
    `${now} ${compare} ${instant} + 5000000000`,
    `${now} - ${instant} ${compare} 60000000000`,
    `${name} := ${now}\n\t${name} + 3600000000000 ${compare} ${instant}`,
    `${now} / 1000000000 ${compare} ${seconds}`,
    `floor(${now} / 1000000000) ${compare} ${seconds}`,
    `round(${now} / 1000000000) ${compare} ${seconds}`,
    `time.parse_rfc3339_ns(input.k) ${compare} ${now}`,
    `[${name}, _, _] := time.clock(${zone})\n\t${name} ${compare} 22`,
    `[_, ${name}, _] := time.clock(${zone})\n\t${name} ${compare} input.subject.level`,
    `time.clock(${zone})[2] ${compare} 20`,
    `time.weekday(${zone}) == "Tuesday"`,
    `time.weekday(${zone}) == input.k`,
    `time.date(${zone})[2] ${compare} 14`,
    `${name} := data.limits.at\n\t${name} ${compare} ${now}`,
    `data.users[input.subject.id].level ${compare} ${now}`,
    `count([1 | ${now} ${compare} ${instant}]) == 1`,
    `count([${name} | some ${name} in data.names; is_number(${name}); ${name} ${compare} ${now}]) > 1`,
    `[1 | ${now} ${compare} ${instant}][0] == 1`,
    `${now} ${compare} ${instant} with input.context.time as 1700000001000000000`,
    `late(${instant})`,
    `not late(${instant})`,
    `late(data.limits.at)`,
    `fresh_enough`,
    // what has no bound
    ...(random.once(4)
      ? [`${now} == ${instant}`, `${now} % 2 == 0`, `abs(${now} - ${instant}) < 5`]
      : [`fresh_enough`]),
  ]);
}

/** Rules that those conditions ask. */
export function clockRules(random: Random, dialect: "v0" | "v1"): string {
  const [given, when] = dialect === "v0" ? ["=", ""] : [":=", " if"];
  return `now ${given} time.now_ns()

late(x)${when} {
	${random.of(["time.now_ns()", "now"])} ${random.of([">", ">="])} x
}

fresh_enough${when} {
	now - ${instant} < 2000000000
}
`;
}

/** An input whose times are near the beginning. */
export function anyTimed(random: Random): Json {
  const near = (): Json =>
    parseJson(
      String(
        beginning + BigInt(random.below(4_000) - 2_000) * random.of([1n, 1_000n, 1_000_000n, 1_000_000_000n]),
      ),
    );
  let input = anyOf(random, inputShape) ?? null;
  if (!random.once(8)) input = changed(input, ["context", "time"], near()).value;
  if (!random.once(4)) {
    input = changed(input, ["context", "counts", "a"], 1_700_000_000 + random.below(20) - 10).value;
  }
  if (random.once(3)) input = changed(input, ["k"], "2023-11-14T22:13:25Z").value;
  return parseJson(stringifyJson(input));
}

export const timedData = JSON.stringify({
  users: { u1: { level: 1 }, u2: { level: 2 } },
  names: [1, 2],
  limits: { a: 1 },
})
  .replace('"a":1', '"at":1700000003500000000')
  .replace("[1,2]", "[1700000002000000000,1700000400000000001,1.7e18]");
