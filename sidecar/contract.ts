/** Wire types and strict parsers; the only thing that gateway/ may import from sidecar/. */
export * from "./contract/json.js";
export * from "./contract/credentials.js";
export * from "./contract/condition.js";
export * from "./contract/decision.js";
export * from "./contract/assertion.js";
export * from "./contract/challenge.js";
export * from "./contract/frames.js";
export * from "./contract/input.js";
export * from "./contract/errors.js";
export * from "./contract/shape.js";
export * from "./contract/usage.js";
export * from "./contract/parse-decision-request.js";
export * from "./contract/read-credentials.js";
export * from "./contract/peer-certificates.js";
export * from "./contract/tls-config.js";
