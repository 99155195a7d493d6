/** Looks at the calendar and the time of day, of which the toolchain tells what is used: `rego/toolchain/clock_sites.go`. */
import { JsonNumber } from "../../../contract.js";
import type { RegoValue } from "../../engine/value.js";
import type { Call, HostBuiltin, Scope } from "../host.js";
import { noteDistance, noteUnknown } from "./bounds.js";
import { boundsOf } from "./scope.js";
import type { Zones } from "./zones.js";

/** By the names that the toolchain gives them. */
export const calendarNames: ReadonlyMap<string, string> = new Map([
  ["countersign clock clock", "time.clock"],
  ["countersign clock date", "time.date"],
  ["countersign clock weekday", "time.weekday"],
]);

const second = 1_000_000_000n;
/** Of the part that is used: the hour, the minute, the second, the day. */
const lengths = [3_600n * second, 60n * second, second, 86_400n * second] as const;
/** Zones aren't looked at further away from now: whoever asks for any moment would make each answer cost a search. */
const farthest = 400n * 86_400n * second;

/** Serves a built-in as it is, and notes when the part of its result that is used changes. */
export function createCalendar(served: HostBuiltin, zones: Zones): HostBuiltin {
  return {
    cost: served.cost,
    call(scope, call) {
      const [part, when] = call.values();
      const moment = momentOf(when);
      const isOdd = moment?.ns === undefined || isFar(moment.ns, scope.nowNs);
      // before the call, which may end here: whether it does depends on the clock then
      if (isOdd && moment !== undefined) noteUnknown(boundsOf(scope), scope.nowNs);
      const result = served.call(scope, withoutFirst(call, when));
      if (!isOdd) note(scope, zones, lengths[Number(part)] ?? 1n, moment.ns, moment.zone);
      return result;
    },
  };
}

function isFar(ns: bigint, now: bigint): boolean {
  return ns - now > farthest || now - ns > farthest;
}

function note(scope: Scope, zones: Zones, length: bigint, ns: bigint, zone: string | undefined): void {
  const { offset, to } = zone === undefined ? utc : zones.at(scope, zone, ns);
  const local = ns + offset;
  const next = length - (((local % length) + length) % length);
  noteDistance(boundsOf(scope), scope.nowNs, to === undefined || to - ns > next ? next : to - ns);
}

const utc = { offset: 0n, to: undefined };

interface Moment {
  /** Undefined where it is no whole number of 64 bits: whether there is a result may then depend on the clock. */
  readonly ns: bigint | undefined;
  /** Undefined for UTC. */
  readonly zone: string | undefined;
}

/** Undefined where there is no result, whatever the clock says. */
function momentOf(when: RegoValue | undefined): Moment | undefined {
  const list = Array.isArray(when) ? (when as readonly RegoValue[]) : [when];
  const [ns, zone] = list;
  const text = ns instanceof JsonNumber ? ns.text : typeof ns === "number" ? String(ns) : undefined;
  if (text === undefined) return undefined;
  if (zone !== undefined && typeof zone !== "string") return undefined;
  return {
    ns: /^-?\d{1,19}$/.test(text) ? BigInt(text) : undefined,
    zone: zone === "" || zone === "UTC" ? undefined : zone,
  };
}

/** The call as the policy wrote it. */
function withoutFirst(call: Call, when: RegoValue | undefined): Call {
  return {
    values: () => (when === undefined ? [] : [when]),
    text() {
      // `[3, …]`: the first is a number of one digit
      const text = Buffer.from(call.text());
      return Buffer.concat([Buffer.from("["), text.subarray(text.indexOf(",") + 2)]);
    },
  };
}
