/** The Gregorian calendar in UTC, on integers. Source: Go, time (Date, AddDate). */

/** A moment: seconds since the epoch, and nanoseconds in the second. */
export interface Moment {
  readonly seconds: number;
  readonly nanos: number;
}

/** Month from 1, weekday from Sunday = 0. */
export interface Calendar {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
  readonly weekday: number;
}

const daySeconds = 86_400;

export function momentOf(ns: bigint): Moment {
  const nanos = ((ns % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n;
  return { seconds: Number((ns - nanos) / 1_000_000_000n), nanos: Number(nanos) };
}

/** Nanoseconds since the epoch; undefined beyond 64 bits (the years 1677 to 2262). */
export function nanosecondsOf({ seconds, nanos }: Moment): bigint | undefined {
  const ns = BigInt(seconds) * 1_000_000_000n + BigInt(nanos);
  return BigInt.asIntN(64, ns) === ns ? ns : undefined;
}

export function calendarOf({ seconds }: Moment): Calendar {
  const days = Math.floor(seconds / daySeconds);
  const rest = seconds - days * daySeconds;
  // counted from March 0000, so that the leap day ends the year
  const shifted = days + 719_468;
  const era = Math.floor(shifted / 146_097);
  const dayOfEra = shifted - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra -
      Math.floor(dayOfEra / 1_460) +
      Math.floor(dayOfEra / 36_524) -
      Math.floor(dayOfEra / 146_096)) /
      365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const fromMarch = Math.floor((5 * dayOfYear + 2) / 153);
  const month = fromMarch < 10 ? fromMarch + 3 : fromMarch - 9;
  return {
    year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0),
    month,
    day: dayOfYear - Math.floor((153 * fromMarch + 2) / 5) + 1,
    hour: Math.floor(rest / 3_600),
    minute: Math.floor((rest % 3_600) / 60),
    second: rest % 60,
    weekday: (((days + 4) % 7) + 7) % 7,
  };
}

/** Seconds since the epoch; months and days may lie outside of their range and run over. */
export function secondsOf(year: number, month: number, day: number, seconds: number): number {
  const months = month - 1;
  const fullYear = year + Math.floor(months / 12) - (months - Math.floor(months / 12) * 12 < 2 ? 1 : 0);
  const fromMarch = (months - Math.floor(months / 12) * 12 + 10) % 12;
  const era = Math.floor(fullYear / 400);
  const yearOfEra = fullYear - era * 400;
  const dayOfYear = Math.floor((153 * fromMarch + 2) / 5);
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return (era * 146_097 + dayOfEra - 719_468 + day - 1) * daySeconds + seconds;
}

export function isLeap(year: number): boolean {
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
}

export function daysIn(year: number, month: number): number {
  return month === 2 ? (isLeap(year) ? 29 : 28) : [4, 6, 9, 11].includes(month) ? 30 : 31;
}
