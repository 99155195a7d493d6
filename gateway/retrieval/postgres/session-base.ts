import { refuse } from "../../../sidecar/contract.js";
import type { Exchange } from "../../exchange.js";
import type { StoreConfig } from "../config.js";
import { concludeAll } from "../serve/conclude.js";
import type { Ran } from "../serve/turn.js";
import type { Connection } from "./database.js";
import type { Failure } from "./errors.js";
import { readDatabaseError } from "./errors.js";
import { isCarried } from "./local.js";
import type { Decided, Failed, Rows, Setup } from "./run.js";
import type { SessionParts } from "./session-parts.js";
import { Failing } from "./session-words.js";
import { setupOf } from "./setup.js";
import { NotAllowed } from "./sql/refuse.js";
import { cstring, frame } from "./wire/frames.js";

/** A session's way to the database, and what becomes of what was decided. */
export class SessionBase {
  protected readonly chosen = new Map<string, string>();
  protected connection: Connection | undefined;
  /** Of the transaction: `I`, `T` or `E`. */
  protected state = "I";

  constructor(protected readonly parts: SessionParts) {
    for (const [name, value] of parts.given) this.chosen.set(name, value);
  }

  protected async connect(): Promise<Connection> {
    this.connection ??= await this.parts.database.connect();
    return this.connection;
  }

  /** A statement of its own leaves nothing behind. */
  protected follow(state: string): string {
    if (state !== "I") return state;
    this.connection?.release();
    this.connection = undefined;
    return state;
  }

  /** What is set for a statement, for its transaction alone. */
  protected setup(decided: Decided): Setup {
    const { settings } = this.parts;
    const asked = Number(this.chosen.get("statement_timeout") ?? 0);
    const timeout = asked > 0 ? Math.min(asked, settings.statementMs) : settings.statementMs;
    const chosen = [...this.chosen].filter(([name]) => isCarried(name));
    return setupOf(settings, decided, {
      ...{ timeout, chosen },
      // a transaction of the client's own may write after it read
      readOnly: this.state === "I" && !decided.writes,
    });
  }

  protected conclude(
    exchange: Exchange,
    { allowed }: Decided,
    { facts, labels = [] }: Partial<Pick<Rows, "facts" | "labels">>,
  ): void {
    const ran: Ran = {
      ...{ kind: "given", decisions: allowed.decisions, status: 200, value: undefined, items: [] },
      ...{ labels, facts: facts ?? {} },
    };
    concludeAll(this.parts.parts(), exchange, this.store(), ran, { status: 200 });
  }

  protected fail(exchange: Exchange, { failure, decisions, outcome }: Failed): never {
    const { refusal, decision } = failure;
    const ran: Ran = { kind: "refused", refusal, decision, decisions, outcome };
    concludeAll(this.parts.parts(), exchange, this.store(), ran, { status: refusal.status });
    throw new Failing(failure);
  }

  /** Sends a command of the gateway's own. */
  protected async command(sql: string): Promise<Failure | undefined> {
    const connection = await this.connect();
    let failure: Failure | undefined;
    const state = await connection.run([frame("Q", cstring(sql))], ({ type, body }) => {
      if (type === "E") failure ??= { refusal: refuse("upstream_refused"), ...readDatabaseError(body) };
    });
    this.state = this.follow(state);
    return failure;
  }

  protected send(...messages: Buffer[]): void {
    this.parts.socket.write(Buffer.concat(messages));
  }

  protected store(): StoreConfig {
    const store = this.parts.store();
    if (store === undefined)
      throw new NotAllowed("57P01", "the store is not configured any more", "unknown_store");
    return store;
  }
}
