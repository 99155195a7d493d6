import type { Dispatcher } from "undici";
import type { Json, Outcome } from "../sidecar/contract.js";
import { stringifyJson } from "../sidecar/contract.js";
import type { GatewayLog } from "./exchange.js";

export interface ReporterParts {
  readonly dispatcher: Dispatcher;
  readonly log: GatewayLog;
}

export interface Reporter {
  report(outcome: Outcome): void;
  /** Waits for what is on its way. */
  flush(): Promise<void>;
}

const mostUnderWay = 1_000;

/** Tells the sidecar what became of decided calls; never keeps a request waiting. What is lost is counted and said. */
export function createReporter({ dispatcher, log }: ReporterParts): Reporter {
  const underWay = new Set<Promise<void>>();
  let lost = 0;
  let said = 0;
  const lose = (): void => {
    lost++;
    const now = Date.now();
    if (now - said < 10_000) return;
    said = now;
    log.warn("outcomes could not be reported to the sidecar", { lost });
  };
  const tell = async (outcome: Outcome): Promise<void> => {
    try {
      const { statusCode, body } = await dispatcher.request({
        origin: "http://sidecar",
        path: "/v1/outcomes",
        method: "POST",
        headers: { "content-type": "application/json" },
        body: stringifyJson(outcome as unknown as Json),
        headersTimeout: 5_000,
      });
      await body.dump();
      if (statusCode !== 204) lose();
    } catch {
      lose();
    }
  };
  return {
    report(outcome) {
      if (underWay.size >= mostUnderWay) return lose();
      const telling = tell(outcome).finally(() => underWay.delete(telling));
      underWay.add(telling);
    },
    async flush() {
      await Promise.all(underWay);
    },
  };
}
