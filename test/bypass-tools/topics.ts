/** All cases, by what they try. */
import type { Topic } from "./attack.js";
import { agents } from "./cases/agents.js";
import { apis } from "./cases/apis.js";
import { argumentsOf } from "./cases/arguments.js";
import { children } from "./cases/children.js";
import { definitions } from "./cases/definitions.js";
import { headers } from "./cases/headers.js";
import { input } from "./cases/input.js";
import { messages } from "./cases/messages.js";
import { names } from "./cases/names.js";
import { reloads } from "./cases/reloads.js";
import { results } from "./cases/results.js";
import { sessions } from "./cases/sessions.js";
import { state } from "./cases/state.js";
import { streams } from "./cases/streams.js";
import { uris } from "./cases/uris.js";

export const topics: readonly Topic[] = [
  ...[
    messages,
    headers,
    names,
    sessions,
    argumentsOf,
    definitions,
    results,
    uris,
    input,
    streams,
    state,
    children,
    reloads,
    apis,
    agents,
  ],
].flat();
