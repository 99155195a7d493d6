/** All that is tried, by topic. */
import type { Topic } from "./attack.js";
import { widening } from "./cases/widening.js";

export const topics: readonly Topic[] = [...widening];
