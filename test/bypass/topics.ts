/** All cases, by what they try. */
import type { Topic } from "./attack.js";
import { answers } from "./cases/answers.js";
import { batches } from "./cases/batches.js";
import { bodies } from "./cases/bodies.js";
import { calls } from "./cases/calls.js";
import { encodings } from "./cases/encodings.js";
import { framing } from "./cases/framing.js";
import { heads } from "./cases/heads.js";
import { names } from "./cases/names.js";
import { paths } from "./cases/paths.js";
import { stored } from "./cases/stored.js";
import { urls } from "./cases/urls.js";

export const topics: readonly Topic[] = [
  ...[bodies, names, paths, encodings, framing, heads, urls, stored, batches, calls, answers],
].flat();
