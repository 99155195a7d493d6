/** All cases, by what they try. */
import type { Topic } from "./attack.js";
import { argumentsOf } from "./cases/arguments.js";
import { definitions } from "./cases/definitions.js";
import { headers } from "./cases/headers.js";
import { input } from "./cases/input.js";
import { messages } from "./cases/messages.js";
import { names } from "./cases/names.js";
import { results } from "./cases/results.js";
import { sessions } from "./cases/sessions.js";
import { uris } from "./cases/uris.js";

export const topics: readonly Topic[] = [
  ...[messages, headers, names, sessions, argumentsOf, definitions, results, uris, input],
].flat();
