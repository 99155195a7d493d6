import { BuiltinFault } from "../builtin.js";

/** Why `http.send` has no answer. INVARIANT: the message goes to policy authors only, as a {@link BuiltinFault}'s. */
export class HttpFault extends Error {
  override readonly name = "HttpFault";
  constructor(
    /** `internal`: the request can't be made; `type`: a parameter has the wrong type; `network`: it was tried. */
    readonly kind: "internal" | "type" | "network",
    message: string,
    /** OPA wraps what fails while the request is built, and leaves other messages bare. */
    readonly wrapped = true,
  ) {
    super(message);
  }
}

/** A request ran out of its time. */
export class HttpTimeout extends HttpFault {
  constructor(
    readonly operation: string,
    readonly url: string,
  ) {
    super(
      "network",
      `${operation} ${JSON.stringify(url)}: context deadline exceeded (Client.Timeout exceeded while awaiting headers)`,
      false,
    );
  }
}

/** Makes what ends the built-in where `raise_error` isn't false. Source: OPA, topdown/http.go, handleHTTPSendErr. */
export function raised(fault: HttpFault): BuiltinFault {
  const message =
    fault instanceof HttpTimeout ? `${fault.operation} ${fault.url}: request timed out` : fault.message;
  return new BuiltinFault(codeOf(fault), `http.send: ${message}`);
}

/** Writes the response that stands for an error where `raise_error` is false (OPA's generateRaiseErrorResult). */
export function errorResponse(fault: HttpFault): string {
  const code = fault.kind === "network" ? "eval_http_send_network_error" : "eval_http_send_internal_error";
  const message =
    fault.wrapped && fault.kind !== "network"
      ? `${codeOf(fault)}: http.send: ${fault.message}`
      : fault.message;
  return `{"status_code":0,"error":${JSON.stringify({ code, message: message.toWellFormed() })}}`;
}

function codeOf(fault: HttpFault): BuiltinFault["code"] {
  return fault.kind === "type" ? "eval_type_error" : "eval_builtin_error";
}
