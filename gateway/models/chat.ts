/** Says chats to upstreams: the same body where both speak alike, or its translation. */
import type { JsonObject } from "../../sidecar/contract.js";
import { refuse, stringifyJson } from "../../sidecar/contract.js";
import { besideObligations } from "../enforce/beside.js";
import { modelDuties } from "../enforce/registry.js";
import { asksUsage } from "../observe/ask-usage.js";
import { routeObligations } from "../routing/restrict.js";
import type { Manner } from "./manner.js";
import type { ModelProtocol } from "./protocol.js";
import { protocols } from "./protocols.js";
import type { ModelRequest } from "./translate/canonical.js";
import { Untranslatable } from "./translate/canonical.js";

export interface SaidChat {
  readonly server: ModelProtocol;
  /** What was asked, where it was translated. */
  readonly request: ModelRequest | undefined;
  /** Whether the gateway asked for usage, and the client hadn't. */
  readonly asked: boolean;
}

const obligations = [...Object.keys(modelDuties), ...besideObligations, ...routeObligations];

export function chatManner(client: ModelProtocol, stream: boolean): Manner<SaidChat> {
  const accept = stream ? "text/event-stream" : "application/json";
  return {
    obligations,
    duties: modelDuties,
    words: client.words,
    answers: client.name,
    fallsBack: true,
    named: (body, model) => ({ ...body, model }),
    speaks: ({ protocol }) => protocol === client.name,
    speak(body, { deployment, upstream }) {
      const { upstreamModel } = deployment;
      const named = upstreamModel === undefined ? body : { ...body, model: upstreamModel };
      // nothing is translated to it yet
      if (upstream.protocol === "gemini") return refuse("untranslatable", "the operation");
      // where both speak alike, in the client's version
      const server = upstream.protocol === client.name ? client : protocols[upstream.protocol];
      const path = server.path(upstream.url);
      const sent = { method: "POST", path } as const;
      const headers = (said: JsonObject) => ({ accept, ...server.headers(said) });
      const asks = stream && asksUsage(deployment, upstream);
      if (client === server) {
        const asking = asks ? server.askUsage?.(named) : undefined;
        const said = { server, request: undefined, asked: asking !== undefined };
        return {
          kind: "spoken",
          ...sent,
          headers: headers(named),
          body: stringifyJson(asking ?? named),
          said,
        };
      }
      try {
        const request = client.readRequest(named);
        const { stream_options: options, ...others } = server.writeRequest(request, deployment);
        const written = options === undefined || !asks ? others : { ...others, stream_options: options };
        return {
          kind: "spoken",
          ...sent,
          headers: headers(written),
          body: stringifyJson(written),
          said: { server, request, asked: false },
        };
      } catch (error) {
        if (!(error instanceof Untranslatable)) throw error;
        return refuse("untranslatable", error.place);
      }
    },
  };
}
