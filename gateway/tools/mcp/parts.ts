/** What MCP needs beside what every request does. */
import type { DescribeArguments } from "../arguments/describe.js";
import type { Definitions } from "../definitions/definitions.js";
import type { OpenLink } from "../links/link.js";
import type { Results } from "../results/inspect.js";
import type { Callers } from "./callers.js";
import type { ParkedRuns } from "./parked.js";
import type { Sessions } from "./sessions.js";

export interface McpParts {
  readonly openLink: OpenLink;
  readonly definitions: Definitions;
  readonly sessions: Sessions;
  readonly parked: ParkedRuns;
  readonly callers: Callers;
  readonly describeArguments: DescribeArguments;
  readonly results: Results;
}
