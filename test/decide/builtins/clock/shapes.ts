/** Ways to read the clock that the toolchain can bound; `x` is the case's value, `tz` its zone. */
export interface Shape {
  readonly name: string;
  /** Body of a rule whose value is `v`. */
  readonly body: string;
  /** Nanoseconds of the unit in which `x` is near the clock; 0 where it is a distance from it. */
  readonly unit: bigint;
}

const comparison = (name: string, left: string, unit: bigint, right = "input.x"): Shape[] =>
  ["<", "<=", ">", ">="].map((operator) => ({
    name: `${name} ${operator}`,
    body: `v := ${left} ${operator} ${right}`,
    unit,
  }));

export const shapes: readonly Shape[] = [
  ...comparison("nanoseconds", "time.now_ns()", 1n),
  ...comparison("on the right side", "input.x", 1n, "time.now_ns()"),
  ...comparison("microseconds", "time.now_ns() / 1000", 1_000n),
  ...comparison("milliseconds", "time.now_ns() / 1e6", 1_000_000n),
  ...comparison("seconds", "time.now_ns() / 1000000000", 1_000_000_000n),
  ...comparison("seconds, times", "time.now_ns() * 0.000000001", 1_000_000_000n),
  ...comparison("minutes", "time.now_ns() / 60000000000", 60_000_000_000n),
  ...comparison("hours", "time.now_ns() / 3600e9", 3_600_000_000_000n),
  ...comparison("days", "time.now_ns() / 86400e9", 86_400_000_000_000n),
  ...comparison("whole seconds", "floor(time.now_ns() / 1000000000)", 1_000_000_000n),
  ...comparison("seconds, rounded up", "ceil(time.now_ns() / 1000000000)", 1_000_000_000n),
  ...comparison("seconds, rounded", "round(time.now_ns() / 1000000000)", 1_000_000_000n),
  ...comparison("whole minutes", "input.x", 60_000_000_000n, "floor(time.now_ns() / 60e9)"),
  ...comparison("an age", "time.now_ns() - input.x", 1n, "3600000000000"),
  ...comparison("an age in seconds", "time.now_ns() / 1e9 - input.x", 1_000_000_000n, "1.5"),
  ...comparison("an age in whole seconds", "floor(time.now_ns() / 1e9) - input.x", 1_000_000_000n, "60"),
  ...comparison("what is left", "input.x - time.now_ns()", 1n, "60000000000"),
  ...comparison("what is left in whole seconds", "input.x - floor(time.now_ns() / 1e9)", 1_000_000_000n, "0"),
  ...comparison("with leeway", "time.now_ns() + 5000000000", 1n),
  ...comparison("with leeway that has a fraction", "time.now_ns() + 0.5", 1n),
  ...comparison("seconds of the input", "time.now_ns()", 1_000_000_000n, "input.x * 1000000000"),
  ...comparison("a rule's", "data.lib.seconds", 1_000_000_000n),
  ...comparison("a function's", "data.lib.in_seconds(time.now_ns())", 1_000_000_000n),
  { name: "a function that compares", body: "v := data.lib.before(time.now_ns(), input.x)", unit: 1n },
  {
    name: "within",
    body: "v := data.lib.within(time.now_ns(), input.x, input.x + 60000000000)",
    unit: 1n,
  },
  { name: "not", body: "not time.now_ns() < input.x; v := 1", unit: 1n },
  {
    name: "several",
    body: "v := count([x | some x in [input.x, input.x + 5, 7]; time.now_ns() < x])",
    unit: 1n,
  },
  { name: "the hour", body: "[v, _, _] := time.clock([time.now_ns(), input.tz])", unit: 0n },
  {
    name: "the minute",
    body: 'c := time.clock([time.now_ns(), input.tz]); v := sprintf("%d:%d", [c[0], c[1]])',
    unit: 0n,
  },
  { name: "the second", body: "v := time.clock([time.now_ns(), input.tz])", unit: 0n },
  { name: "the date", body: "v := time.date([time.now_ns(), input.tz])", unit: 0n },
  { name: "the day of the week", body: "v := time.weekday([time.now_ns(), input.tz])", unit: 0n },
  { name: "the hour in UTC", body: "[v, _, _] := time.clock(time.now_ns())", unit: 0n },
  { name: "the hour, moved", body: "[v, _, _] := time.clock(time.now_ns() + input.x)", unit: 0n },
  { name: "the date, moved", body: "v := time.date([time.now_ns() - input.x, input.tz])", unit: 0n },
  {
    name: "working hours",
    body: 'here := [time.now_ns(), input.tz]; not time.weekday(here) in {"Saturday", "Sunday"}; [h, m, _] := time.clock(here); v := h * 60 + m < 1050',
    unit: 0n,
  },
];

export const library = `package lib

ns := time.now_ns()

seconds := ns / 1000000000

in_seconds(x) := x / 1e9

before(a, b) := a < b

default within(_, _, _) := false

within(now, from, to) if {
	from <= now
	now < to
}
`;

export const policy = `package p\n\n${shapes
  .map(({ body }, i) => `r${i} := v if {\n\t${body.replaceAll("; ", "\n\t")}\n}\n`)
  .join("\n")}`;
