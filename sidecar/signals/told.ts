/** What is recorded and counted of signals. */
import type { Result } from "./apply.js";
import type { Subject } from "./subject.js";
import type { SetError } from "./verify.js";

export interface SignalEvent {
  readonly direction: "received" | "sent";
  /** The transmitter's name, or the receiver's. */
  readonly peer: string;
  /** A short name of the closed list; `other`; `none` where it isn't known. */
  readonly event: string;
  readonly result:
    | Result
    | "duplicate"
    | "refused"
    /** The bearer was missing or another. */
    | "unauthenticated"
    | "verified"
    /** No verification came though it was asked for. */
    | "unverified"
    | "stream_enabled"
    | "stream_paused"
    | "stream_disabled"
    /** Of what is told to others. */
    | "sent"
    | "retried"
    | "dropped";
  readonly fences: readonly string[];
  readonly jti?: string;
  readonly err?: SetError;
  /** When it happened, epoch milliseconds. */
  readonly at?: number;
  readonly subject?: Pick<Subject, "tenants" | "targets">;
}
