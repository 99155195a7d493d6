/** Refusals of statements, with what PostgreSQL calls them. */
import type { ErrorCode, Refusal } from "../../../../sidecar/contract.js";
import { refuse } from "../../../../sidecar/contract.js";

export interface SqlRefusal {
  readonly kind: "refusal";
  readonly refusal: Refusal;
  /** SQLSTATE (PostgreSQL manual, appendix A). */
  readonly state: string;
  /** In PostgreSQL's words, where it has some. */
  readonly said?: string;
}

/** Thrown within one reading of a statement, where many places can refuse; caught at its edge. */
export class NotAllowed extends Error {
  override readonly name = "NotAllowed";
  constructor(
    readonly state: string,
    readonly said: string,
    readonly code: ErrorCode = "sql_refused",
  ) {
    super(said);
  }
}

export function refuseSql({ state, said, code }: NotAllowed): SqlRefusal {
  return { kind: "refusal", refusal: refuse(code, said), state, said };
}

/** Feature not supported. */
export const unsupported = (what: string): NotAllowed =>
  new NotAllowed("0A000", `${what} is not passed on by the gateway`);
