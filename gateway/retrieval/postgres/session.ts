/** One client's session: its prepared statements, portals and transaction. Each execution is decided anew. */
import { LRUCache } from "lru-cache";
import { refuse } from "../../../sidecar/contract.js";
import type { Exchange } from "../../exchange.js";
import { writeFailure } from "./errors.js";
import type { Local } from "./local.js";
import { readLocal } from "./local.js";
import type { Plan } from "./plan.js";
import { decidePlan, planStatement } from "./plan.js";
import type { Bound, Decided, Rows } from "./run.js";
import { describeQuery, sendQuery } from "./run.js";
import { SessionBase } from "./session-base.js";
import type { Portal, Prepared, SessionParts } from "./session-parts.js";
import { aborted, drained, Failing, failureOf, rowOf, told } from "./session-words.js";
import { isParameterType } from "./sql/allowed.js";
import { parseOne } from "./sql/parse.js";
import { NotAllowed } from "./sql/refuse.js";
import type { Frame } from "./wire/frames.js";
import { BadFrame, frame, readFrame } from "./wire/frames.js";
import * as wire from "./wire/messages.js";

/** Of one session. */
const mostStatements = 1_000;
const mostPortals = 100;

export interface Session {
  /** Serves until the client goes, or is ended. */
  serve(): Promise<void>;
  /** Stops what is under way, as a client's cancel request asks. */
  cancel(): void;
}

export function createSession(parts: SessionParts): Session {
  const own = new Own(parts);
  return {
    serve: () => own.serve(),
    cancel: () => {
      own.cancel();
    },
  };
}

class Own extends SessionBase {
  private readonly statements = new LRUCache<string, Prepared>({ max: mostStatements });
  private readonly portals = new Map<string, Portal>();
  private failing = false;
  private busy: AbortController | undefined;

  async serve(): Promise<void> {
    const { inbox, most } = this.parts;
    try {
      for (;;) {
        const message = await readFrame(inbox, most);
        if (message === undefined || message.type === "X") return;
        // after an error all is passed over up to Sync (PostgreSQL manual, 55.2.3)
        if (this.failing && message.type !== "S") continue;
        const done = await this.handle(message);
        if (done === "end") return;
      }
    } finally {
      this.busy?.abort();
      // a transaction that nobody ends is undone with its connection
      this.connection?.release(true);
      this.connection = undefined;
    }
  }

  cancel(): void {
    const { connection, busy } = this;
    if (busy === undefined) return;
    busy.abort();
    if (connection !== undefined) this.parts.database.cancel(connection.processId).catch(() => undefined);
  }

  private async handle(message: Frame): Promise<"end" | undefined> {
    const simple = message.type === "Q";
    try {
      await this.take(message);
      return undefined;
    } catch (error) {
      if (error instanceof BadFrame) {
        this.send(
          writeFailure({ refusal: refuse("invalid_request", error.message), state: "08P01" }, "FATAL"),
        );
        return "end";
      }
      const failure = failureOf(error);
      if (failure === undefined) throw error;
      this.send(writeFailure(failure));
      if (this.state === "T") await this.spoil();
      if (simple) await this.ready();
      else this.failing = true;
      return undefined;
    }
  }

  private async take({ type, body }: Frame): Promise<void> {
    switch (type) {
      case "Q":
        return this.simple(body);
      case "P": {
        const { name, sql, types } = wire.readParse(body);
        if (name !== "" && this.statements.has(name))
          throw new NotAllowed("42P05", "the prepared statement is there already");
        if (!types.every(isParameterType)) throw new NotAllowed("42501", "such a type of a parameter");
        this.statements.set(name, this.prepare(sql, types));
        return this.send(frame("1"));
      }
      case "B":
        return this.bind(wire.readBind(body));
      case "D":
        return this.describe(wire.readNamed(body));
      case "E":
        return this.execute(wire.readExecute(body));
      case "C": {
        const { what, name } = wire.readNamed(body);
        if (what === "S") this.statements.delete(name);
        else this.portals.delete(name);
        return this.send(frame("3"));
      }
      case "H":
        return undefined;
      case "S":
        this.failing = false;
        return this.ready();
      case "F":
        throw new NotAllowed("0A000", "function calls are not passed on by the gateway");
      // what a client says of a COPY that it didn't get
      case "d":
      case "c":
      case "f":
        return undefined;
      default:
        throw new BadFrame("a message of such a type");
    }
  }

  /** INVARIANT: what is undone or done of a transaction leaves nothing that could be read on. */
  private async ready(): Promise<void> {
    if (this.state === "I") {
      this.portals.clear();
      this.connection?.release();
      this.connection = undefined;
    }
    this.send(wire.readyForQuery(this.state));
    await drained(this.parts.socket);
  }

  private prepare(sql: string, types: readonly number[]): Prepared {
    const statement = parseOne(sql);
    if (statement === undefined) return { local: undefined, plan: undefined, types };
    const { settings } = this.parts;
    const local = readLocal(statement, settings, (name) => this.chosen.get(name));
    if (local !== undefined) return { local, plan: undefined, types };
    return { local, plan: planStatement(statement, { store: this.store(), settings }), types };
  }

  private async simple(body: Buffer): Promise<void> {
    const sql = body.subarray(0, -1).toString("utf8");
    if (body.at(-1) !== 0 || !Buffer.from(sql).equals(body.subarray(0, -1)) || sql.includes("\0"))
      throw new BadFrame("a text that is not UTF-8");
    const statement = this.prepare(sql, []);
    if (statement.local === undefined && statement.plan === undefined) this.send(frame("I"));
    else {
      const portal: Portal = { statement, bound: { types: [], values: [], formats: [] }, given: 0 };
      await this.tell(portal);
      await this.run(portal, 0);
    }
    await this.ready();
  }

  private bind({ portal, statement: name, values, formats }: wire.Bind): void {
    const statement = this.statements.get(name);
    if (statement === undefined) throw new NotAllowed("26000", "the prepared statement does not exist");
    const wanted = statement.plan?.params ?? 0;
    if (values.length !== wanted)
      throw new NotAllowed("08P01", `the statement has ${wanted} parameters, ${values.length} were given`);
    if (formats.some((one) => one !== 0 && one !== 1)) throw new BadFrame("such a format");
    if (portal !== "" && this.portals.has(portal))
      throw new NotAllowed("42P03", "the portal is there already");
    if (this.portals.size >= mostPortals) throw new NotAllowed("53400", "there are too many portals");
    this.portals.set(portal, { statement, bound: { types: statement.types, values, formats }, given: 0 });
    this.send(frame("2"));
  }

  private async describe({ what, name }: { readonly what: string; readonly name: string }): Promise<void> {
    if (what === "P") return this.tell(this.portal(name));
    const statement = this.statements.get(name);
    if (statement === undefined) throw new NotAllowed("26000", "the prepared statement does not exist");
    const { local, plan, types } = statement;
    if (plan === undefined) {
      this.send(wire.parameterDescription([]));
      return this.send(local?.kind === "row" ? rowOf(local.name) : frame("n"));
    }
    const described = await this.within(async (exchange) => {
      const decided = await this.decided(exchange, plan, undefined);
      const connection = await this.connect();
      const { heard, state } = await describeQuery(connection, decided, types, this.setup(decided));
      this.state = this.follow(state);
      if (heard.kind === "failed") return this.fail(exchange, heard);
      this.conclude(exchange, decided, { facts: { described: true } });
      return heard;
    });
    this.send(wire.parameterDescription(described.parameters));
    this.send(described.fields.length === 0 ? frame("n") : wire.rowDescription(described.fields));
  }

  private portal(name: string): Portal {
    const portal = this.portals.get(name);
    if (portal === undefined) throw new NotAllowed("34000", "the portal does not exist");
    return portal;
  }

  /** Tells of a portal's columns. */
  private async tell(portal: Portal): Promise<void> {
    const { local, plan } = portal.statement;
    if (plan === undefined) return this.send(local?.kind === "row" ? rowOf(local.name) : frame("n"));
    if (plan.what.kind === "select") {
      portal.ran ??= await this.ask(portal, plan);
      return this.send(wire.rowDescription(portal.ran.fields));
    }
    if (!plan.returns) return this.send(frame("n"));
    // what writes isn't done before it is executed
    const described = await this.within(async (exchange) => {
      const decided = await this.decided(exchange, plan, portal.bound);
      const connection = await this.connect();
      const { heard, state } = await describeQuery(
        connection,
        decided,
        portal.bound.types,
        this.setup(decided),
      );
      this.state = this.follow(state);
      return heard.kind === "failed" ? this.fail(exchange, heard) : heard;
    });
    const { formats } = portal.bound;
    this.send(
      wire.rowDescription(
        described.fields.map((field, i) => ({
          ...field,
          format: formats.length === 1 ? (formats[0] ?? 0) : (formats[i] ?? 0),
        })),
      ),
    );
  }

  private async execute({
    portal: name,
    most,
  }: {
    readonly portal: string;
    readonly most: number;
  }): Promise<void> {
    const portal = this.portal(name);
    if (portal.statement.local === undefined && portal.statement.plan === undefined)
      return this.send(frame("I"));
    return this.run(portal, most);
  }

  private async run(portal: Portal, most: number): Promise<void> {
    const { local, plan } = portal.statement;
    if (local !== undefined) return this.answer(local);
    if (plan === undefined) return;
    portal.ran ??= await this.ask(portal, plan);
    const { rows, tag, returns } = portal.ran;
    const from = portal.given;
    const to = most > 0 ? Math.min(rows.length, from + most) : rows.length;
    if (returns) for (const row of rows.slice(from, to)) this.send(wire.dataRow(row));
    portal.given = to;
    if (most > 0 && to < rows.length) return this.send(frame("s"));
    this.send(wire.commandComplete(tag));
    return drained(this.parts.socket);
  }

  /** Decides on a statement as it is bound, and has it run. */
  private ask({ bound }: Portal, plan: Plan): Promise<Rows> {
    return this.within(async (exchange) => {
      if (this.state === "E") throw new NotAllowed("25P02", aborted, "upstream_refused");
      const decided = await this.decided(exchange, plan, bound);
      const connection = await this.connect();
      const { heard, state } = await sendQuery(connection, decided, bound, this.setup(decided));
      this.state = this.follow(state);
      if (heard.kind === "failed") return this.fail(exchange, heard);
      this.conclude(exchange, decided, heard);
      return heard;
    });
  }

  private async decided(exchange: Exchange, plan: Plan, bound: Bound | undefined): Promise<Decided> {
    const store = this.store();
    const { settings } = this.parts;
    const decided = await decidePlan({ parts: this.parts.parts(), exchange, store, settings }, plan, bound);
    return decided.kind === "failed" ? this.fail(exchange, decided) : decided;
  }

  /** INVARIANT: one statement at a time, which can be stopped. */
  private async within<T>(work: (exchange: Exchange) => Promise<T>): Promise<T> {
    const stop = new AbortController();
    this.busy = stop;
    const exchange = this.parts.begin(stop.signal);
    exchange.endBy({
      before: () => {
        this.cancel();
      },
    });
    try {
      const done = await work(exchange);
      this.checkCut(exchange);
      return done;
    } catch (error) {
      if (error instanceof Failing || error instanceof NotAllowed) {
        this.checkCut(exchange);
        throw error;
      }
      const { name: fault } = (error ?? {}) as { name?: unknown };
      this.parts.parts().log.error("a statement failed", { fault: String(fault) });
      // a connection of which isn't known how far it went isn't used again
      this.connection?.release(true);
      this.connection = undefined;
      this.state = "I";
      this.checkCut(exchange);
      throw new Failing({ refusal: refuse("upstream_unavailable") });
    } finally {
      this.busy = undefined;
      // it is live no more
      stop.abort();
    }
  }

  /** INVARIANT: of a statement that was cut nothing is given. */
  private checkCut(exchange: Exchange): void {
    const refusal = exchange.wasCut();
    if (refusal !== undefined) throw new Failing({ refusal });
  }

  /** After an error of the gateway's own within a transaction, the database's is as spoilt as the client takes it to be. */
  private async spoil(): Promise<void> {
    if (this.connection === undefined) return;
    await this.command("SELECT 1/0");
  }

  private async answer(local: Local): Promise<void> {
    switch (local.kind) {
      case "row":
        return this.send(wire.dataRow([Buffer.from(local.value)]), wire.commandComplete(local.tag));
      case "set":
        this.chosen.set(local.name, local.value);
        if (told.has(local.name)) this.send(wire.parameterStatus(told.get(local.name) ?? "", local.value));
        return this.send(wire.commandComplete(local.tag));
      case "reset":
        if (local.name === undefined) this.chosen.clear();
        else this.chosen.delete(local.name);
        return this.send(wire.commandComplete(local.tag));
      case "done":
        if (local.forget === "all") this.statements.clear();
        else if (local.forget !== undefined) this.statements.delete(local.forget.statement);
        if (local.tag === "DISCARD ALL") this.chosen.clear();
        return this.send(wire.commandComplete(local.tag));
      case "transaction":
        return this.transact(local);
    }
  }

  private async transact({ sql, what }: Extract<Local, { kind: "transaction" }>): Promise<void> {
    const word = sql.split(" ")[0] ?? "";
    const tag = this.state === "E" && word === "COMMIT" ? "ROLLBACK" : word;
    if (what === "begin" ? this.state !== "I" : this.state === "I") {
      if (what === "within") throw new NotAllowed("25P01", `${word} can only be used in transaction blocks`);
      return this.send(wire.commandComplete(tag));
    }
    if (this.state === "E" && what === "within" && !sql.startsWith("ROLLBACK"))
      throw new NotAllowed("25P02", aborted, "upstream_refused");
    const failure = await this.within(() => this.command(sql));
    if (failure !== undefined) throw new Failing(failure);
    this.send(wire.commandComplete(tag));
  }
}
