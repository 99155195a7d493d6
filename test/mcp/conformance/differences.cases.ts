/** Where the gateway gives something else than the server does to the official conformance tool, and why. */
import type { Status } from "./tool.js";

export interface Difference {
  /** `scenario/check` */
  readonly check: string;
  /** What comes of it through the gateway; absent: it isn't made. */
  readonly through?: Status;
  readonly why: string;
}

const quiet =
  "the gateway answers in JSON where there is nothing to say meanwhile: that its server breaks off its own stream is the gateway's matter";
const validated =
  "the server's SDK leaves headers to the server's author; the gateway holds them against the body";
const unasked =
  "answers go to the server only where it was asked through here: with these the gateway has it ask, the tool expects a result";

/** Server of the revision that the client is of, too. */
export const differences: Readonly<Record<string, readonly Difference[]>> = {
  "2025-11-25": [
    ...["server-sse-disconnect-resume", "server-sse-priming-event", "server-sse-retry-field"].map(
      (check) => ({
        check: `server-sse-polling/${check}`,
        why: quiet,
      }),
    ),
    { check: "server-sse-polling/incoming-sse-event", why: quiet },
    { check: "server-sse-polling/stream-closed", why: quiet },
    { check: "server-sse-polling/server-sse-content-type", through: "INFO", why: quiet },
    { check: "server-sse-multiple-streams/server-sse-streams-functional", through: "INFO", why: quiet },
  ],
  "2026-07-28": [
    ...["reject-invalid-param-chars", "reject-param-mismatch", "validate-param-match"].map(
      (check): Difference => ({
        check: `http-custom-header-server-validation/sep-2243-server-${check}`,
        ...{ through: "SUCCESS", why: validated },
      }),
    ),
    {
      check: "input-required-result-ignore-extra-params/sep-2322-ignore-unexpected-params",
      ...{ through: "WARNING", why: unasked },
    },
  ],
};

const oneByOne =
  "a server with sessions asks by requests, one after the other: the client gets each as it comes, under a name of the gateway's";

/** What a client of a revision gets of a server of the other era that isn't success, beside {@link differences}. */
export const across: Readonly<Record<string, readonly Difference[]>> = {
  "2025-11-25": [],
  "2026-07-28": [
    {
      check: "input-required-result-basic-elicitation/sep-2322-elicitation-incomplete",
      ...{ through: "FAILURE", why: oneByOne },
    },
    {
      check: "input-required-result-multiple-input-requests/sep-2322-multiple-inputs-incomplete",
      ...{ through: "FAILURE", why: oneByOne },
    },
  ],
};
