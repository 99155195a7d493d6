/** What the doors of operators have in common: who asks, whether they may, and how they are answered. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Fields, Json, Problems, Reason, Refusal } from "../contract.js";
import { parseJson, peerCertificates, reachesBack, readCredentials, refuse } from "../contract.js";
import type { Operators } from "../operator/open.js";
import type { Operator, OperatorAction, OperatorSubject } from "../operator/operator.js";
import type { Fence } from "../state/fences/fences.js";
import type { OpenedFences } from "../state/fences/open.js";
import { refusedJson } from "./decisions.js";
import { readBody, sendJson, sendRefusal } from "./http.js";

export interface OperatingParts {
  /** Absent: nobody is an operator here. */
  readonly operators?: Operators;
  /** An operator who is fenced off does nothing here. */
  readonly fences: Pick<OpenedFences, "list">;
  /** Told of a bug, by its name. */
  readonly onFault: (error: unknown) => void;
  readonly publicUrl?: string;
}

/** An operator with a request. */
export interface Asking {
  readonly operator: Operator;
  readonly operators: Operators;
}

export type RefusedOperator = Refusal & { readonly reasons?: readonly Reason[] };

/** Answers requests that are a door's own; false: it isn't one. */
export type OperatorDoor = (req: IncomingMessage, res: ServerResponse) => boolean;

/**
 * Makes a door: who is no operator is refused before anything else is looked at.
 * @param routes gives what answers a request, undefined where it is another door's
 */
export function createOperatorDoor(
  { operators, publicUrl, onFault }: OperatingParts,
  routes: (
    req: IncomingMessage,
    res: ServerResponse,
  ) => ((asking: Asking) => void | Promise<void>) | undefined,
): OperatorDoor {
  const serve = async (
    req: IncomingMessage,
    res: ServerResponse,
    answer: (asking: Asking) => void | Promise<void>,
  ): Promise<void> => {
    if (operators === undefined) return sendRefusal(res, refuse("operator_unauthenticated"));
    const certificates = peerCertificates(req.socket);
    const known = await operators.know(req.headers.authorization, () =>
      readCredentials(req, { publicUrl, ...(certificates === undefined ? {} : { certificates }) }),
    );
    if (known.kind === "refusal") return sendRefusal(res, refuse("operator_unauthenticated"));
    await answer({ operator: known.operator, operators });
  };
  return (req, res) => {
    const answer = routes(req, res);
    if (answer === undefined) return false;
    serve(req, res, answer).catch((error: unknown) => {
      onFault(error);
      sendRefusal(res, refuse("internal_error"));
    });
    return true;
  };
}

/** Asks the operator policy; gives why it isn't allowed. INVARIANT: what names somebody cuts off what they operate, too. */
export async function refusedTo(
  { operator, operators }: Asking,
  fences: Pick<OpenedFences, "list">,
  action: OperatorAction,
  about: OperatorSubject,
): Promise<RefusedOperator | undefined> {
  if (fences.list().some((one) => isNamed(one, operator))) return refuse("fenced");
  const { allow, reasons } = await operators.decide(operator, action, about);
  return allow ? undefined : { ...refuse("operator_refused"), reasons };
}

/** Gives for the record who asked, and why they were refused. */
export function recordOf({ person, id }: Operator): { readonly by: string; readonly credential: string };
export function recordOf(
  operator: Operator,
  refused: RefusedOperator,
): {
  readonly by: string;
  readonly credential: string;
  readonly result: "refused";
  readonly code: Refusal["code"];
  readonly rules: string[];
};
export function recordOf({ person, id }: Operator, refused?: RefusedOperator) {
  const who = { by: person, credential: id };
  if (refused === undefined) return who;
  const rules = (refused.reasons ?? []).flatMap(({ rule }) => (rule === undefined ? [] : [rule]));
  return { ...who, result: "refused" as const, code: refused.code, rules };
}

/** Reads a body of JSON, of at most so many bytes. */
export async function readJsonBody(
  req: IncomingMessage,
  largest: number,
): Promise<{ readonly kind: "json"; readonly value: Json } | Refusal> {
  const body = await readBody(req, largest);
  if ("kind" in body) return body;
  try {
    return { kind: "json", value: parseJson(body) };
  } catch (error) {
    return refusedJson(error);
  }
}

/** Text that can be shown as it is. */
const plainText = /^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]{1,500}$/u;

/** Reads why something is asked for. @param instead what it is where it need not be said */
export function readReason(fields: Fields, problems: Problems, instead?: string): string {
  const reason = instead === undefined ? fields.required("reason") : (fields.string("reason") ?? instead);
  if (!plainText.test(reason))
    problems.add(fields.at("reason"), "must be 1 to 500 characters that can be seen, on one line");
  return reason;
}

/** Gives what is wrong with a body; undefined where nothing is. */
export function refusedFields({ list }: Problems): Refusal | undefined {
  return list.length === 0 ? undefined : refuse("invalid_request", list.slice(0, 5).join("; "));
}

/** Writes a refusal with the operator policy's reasons. */
export function sendReasons(res: ServerResponse, refusal: RefusedOperator): void {
  const { code, message, fix, status, reasons } = refusal;
  if (reasons === undefined) return sendRefusal(res, refusal);
  sendJson(res, status, JSON.stringify({ code, message, fix, reasons }));
}

/** Tells whether a fence cuts off this operator themselves: not what they use, nor their tenant. */
function isNamed({ match, issued_before }: Fence, { handles }: Operator): boolean {
  const kinds = Object.entries(match);
  return (
    kinds.every(([kind, value]) => handles.includes(`${kind}:${value}`)) &&
    kinds.some(([kind]) => kind !== "tenant") &&
    reachesBack(issued_before, handles)
  );
}
