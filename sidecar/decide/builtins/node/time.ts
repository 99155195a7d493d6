/** Time in UTC; other zones are Go's, whose tables they are. Source: OPA, v1/topdown/time.go. */
import { numberOf } from "../../engine/read-value.js";
import type { RegoValue } from "../../engine/value.js";
import { exactInteger, floatOf } from "../big-float.js";
import type { Moment } from "./calendar.js";
import { BuiltinLimit } from "../limit.js";
import { calendarOf, daysIn, momentOf, nanosecondsOf, secondsOf } from "./calendar.js";
import { parseDuration } from "./durations.js";
import {
  fault,
  integerOperand,
  numberOperand,
  longestName,
  numberText,
  stringOperand,
  typeFault,
} from "./operands.js";
import { parseRfc3339 } from "./rfc3339.js";
import type { NodeBuiltin } from "./to-go.js";
import { toGo } from "./to-go.js";

const fromInteger = (value: bigint): RegoValue => numberOf(value.toString());

/** Characters, and the exponent, of numbers that would cost to look at. */
const mostDigits = 10_000;

/** Takes `ns` or `[ns, zone, layout]`. Gives {@link toGo} for a zone that isn't UTC. */
function momentOperand(value: RegoValue | undefined): Moment | typeof toGo {
  const list = Array.isArray(value) ? (value as readonly RegoValue[]) : undefined;
  if (list?.length === 0 || (list === undefined && numberText(value) === undefined)) {
    throw typeFault(1, value, "either number (ns) or [number (ns), string (tz)]");
  }
  const text = numberOperand(list === undefined ? value : list[0], 1);
  if (list !== undefined && list.length > 1) {
    const zone = stringOperand(list[1], 1, longestName);
    if (zone !== "" && zone !== "UTC") return toGo;
    if (list.length > 2) stringOperand(list[2], 1, longestName);
  }
  const exponent = Number(/[eE]([-+]?\d+)$/.exec(text)?.[1] ?? 0);
  if (text.length + Math.abs(exponent) > mostDigits) throw new BuiltinLimit("a number that is too large");
  const ns = exactInteger(floatOf(text));
  if (ns === undefined || BigInt.asIntN(64, ns) !== ns) throw fault("timestamp too big");
  return momentOf(ns);
}

/** A built-in that reads one moment. */
function reading(read: (moment: Moment) => RegoValue): NodeBuiltin {
  return (_context, value) => {
    const moment = momentOperand(value);
    return moment === toGo ? toGo : read(moment);
  };
}

const weekdays = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/** Far enough to be out of range, near enough for doubles to be exact. */
const farthest = { years: 10n ** 9n, months: 10n ** 10n, days: 10n ** 11n } as const;

const addDate: NodeBuiltin = (_context, value, ...others) => {
  const moment = momentOperand(value);
  if (moment === toGo) return toGo;
  const years = integerOperand(others[0], 2);
  const months = integerOperand(others[1], 3);
  const days = integerOperand(others[2], 4);
  const far = (size: bigint, most: bigint): boolean => size > most || size < -most;
  // Go's integers run over there
  if (far(years, farthest.years) || far(months, farthest.months) || far(days, farthest.days)) return toGo;
  const { year, month, day, hour, minute, second } = calendarOf(moment);
  const seconds = secondsOf(
    year + Number(years),
    month + Number(months),
    day + Number(days),
    hour * 3_600 + minute * 60 + second,
  );
  return inRange({ seconds, nanos: moment.nanos });
};

function inRange(moment: Moment): RegoValue {
  const ns = nanosecondsOf(moment);
  if (ns === undefined) throw fault("time outside of valid range");
  return fromInteger(ns);
}

const isAfter = (a: Moment, b: Moment): boolean =>
  a.seconds > b.seconds || (a.seconds === b.seconds && a.nanos > b.nanos);

const diff: NodeBuiltin = (_context, one, other) => {
  const first = momentOperand(one);
  const second = first === toGo ? toGo : momentOperand(other);
  if (first === toGo || second === toGo) return toGo;
  const [from, to] = isAfter(first, second) ? [second, first] : [first, second];
  const [a, b] = [calendarOf(from), calendarOf(to)];
  const parts = [
    b.year - a.year,
    b.month - a.month,
    b.day - a.day,
    b.hour - a.hour,
    b.minute - a.minute,
    b.second - a.second,
  ];
  // what is negative borrows from the larger part before it
  const units = [0, 12, daysIn(a.year, a.month), 24, 60, 60];
  for (let i = 5; i > 0; i--) {
    const part = parts[i] ?? 0;
    if (part >= 0) continue;
    parts[i] = part + (units[i] ?? 0);
    parts[i - 1] = (parts[i - 1] ?? 0) - 1;
  }
  return parts;
};

const parseRfc3339Ns: NodeBuiltin = (_context, value) =>
  inRange(parseRfc3339(stringOperand(value, 1, longestName)));

export const time: readonly (readonly [string, NodeBuiltin])[] = [
  ["time.now_ns", ({ nowNs }) => fromInteger(nowNs)],
  ["time.date", reading((moment) => partsOf(moment, "year", "month", "day"))],
  ["time.clock", reading((moment) => partsOf(moment, "hour", "minute", "second"))],
  ["time.weekday", reading((moment) => weekdays[calendarOf(moment).weekday] ?? "")],
  ["time.add_date", addDate],
  ["time.diff", diff],
  ["time.parse_rfc3339_ns", parseRfc3339Ns],
  [
    "time.parse_duration_ns",
    (_context, value) => fromInteger(parseDuration(stringOperand(value, 1, longestName))),
  ],
];

function partsOf(
  moment: Moment,
  ...names: readonly ("year" | "month" | "day" | "hour" | "minute" | "second")[]
) {
  const calendar = calendarOf(moment);
  return names.map((name) => calendar[name]);
}
