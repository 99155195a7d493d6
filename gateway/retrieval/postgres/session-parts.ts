/** What a session is made of, and what it keeps. */
import type { Duplex } from "node:stream";
import type { Exchange, GatewayParts } from "../../exchange.js";
import type { StoreConfig } from "../config.js";
import type { Database } from "./database.js";
import type { Local } from "./local.js";
import type { Plan } from "./plan.js";
import type { Bound, Rows } from "./run.js";
import type { StoreSettings } from "./settings.js";
import type { Inbox } from "./wire/frames.js";

export interface SessionParts {
  /** Those of the configuration in force. */
  readonly parts: () => GatewayParts;
  readonly store: () => StoreConfig | undefined;
  readonly settings: StoreSettings;
  readonly database: Database;
  readonly socket: Duplex;
  readonly inbox: Inbox;
  /** Makes what each statement is asked about with. */
  readonly begin: (signal: AbortSignal) => Exchange;
  /** As the client's start has it. */
  readonly given: ReadonlyMap<string, string>;
  /** Bytes of one message. */
  readonly most: number;
}

export interface Prepared {
  readonly local: Local | undefined;
  /** Absent: a text without a statement. */
  readonly plan: Plan | undefined;
  readonly types: readonly number[];
}

export interface Portal {
  readonly statement: Prepared;
  readonly bound: Bound;
  /** What it came to, once it was executed or described. */
  ran?: Rows;
  /** What was told of its columns. */
  given: number;
}
