/** Servers that are children of the gateway's. */
import type { Attack, Expected, Topic } from "../attack.js";
import { called, calls, gets, opens, posts, rpc } from "../attack.js";

const path = "/mcp/kid";
const at = (tool: string): Expected => called("kid", tool, "{}");
const cancelled: Expected = {
  server: "kid",
  body: '{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":{number},"reason":"timeout"}}',
};
const call = (tool: string, more: Parameters<typeof calls>[3]): ReturnType<typeof calls> =>
  calls("s", tool, "{}", { path, ...more });
const fails = (name: string, tool: string, code: string, more: readonly Expected[] = []): Attack => ({
  name,
  ...(code === "upstream_timeout" ? { hasty: true } : {}),
  steps: [
    opens("s", { path }),
    call(tool, { status: 200, code }),
    call("read", { says: ["read by a child"] }),
  ],
  upstream: [at(tool), ...more, at("read")],
});
const passes = (name: string, tool: string, says: string, never: readonly string[]): Attack => ({
  name,
  steps: [opens("s", { path }), call("read", {}), call(tool, { says: [says], never })],
  upstream: [at("read"), at(tool)],
});
const shared = "/mcp/kin";

export const children: readonly Topic[] = [
  {
    title: "children that misbehave",
    then: "the request fails, the child and all that it forked are ended, the next request has another",
    attacks: [
      fails("garbage", "garbage", "upstream_invalid"),
      fails("silence", "hang", "upstream_timeout", [cancelled]),
      fails("its end", "die", "upstream_unavailable"),
      fails("half a reply, and its end", "half", "upstream_unavailable"),
      fails("a fork that outlives it", "fork", "upstream_unavailable"),
      fails("a reply with two results", "twice", "upstream_timeout", [cancelled]),
      passes("a reply to another's request", "others", "its own", ["another one"]),
      passes("a reply to an id of another type", "texts", "its own", ["another type"]),
      passes("a flood on stderr", "noise", "said much", ["stderr-of-the-child"]),
      {
        name: "progress with another's token",
        steps: [
          opens("s", { path }),
          posts("s", rpc("tools/call", '{"name":"token","arguments":{},"_meta":{"progressToken":"mine"}}'), {
            path,
            says: ["progressed"],
            never: ["another's"],
          }),
        ],
        upstream: [
          gets("kid", "tools/call", '{"name":"token","arguments":{},"_meta":{"progressToken":{number}}}'),
        ],
      },
    ],
  },
  {
    title: "children of others",
    then: "a child is one caller's, or one tenant's, as configured; it is given nothing of the gateway's environment",
    attacks: [
      {
        name: "two callers have two",
        steps: [
          opens("s", { path }),
          opens("t", { path, as: "analyst" }),
          calls("s", "pid", "{}", { path, takes: { pid: /pid (\d+)\./ } }),
          calls("t", "pid", "{}", { path, as: "analyst", says: ["pid "], never: ["pid {pid}."] }),
        ],
        upstream: [at("pid"), at("pid")],
      },
      {
        name: "two users of one agent have two",
        steps: [
          opens("s", { path }),
          opens("t", { path, as: "sibling" }),
          calls("s", "pid", "{}", { path, takes: { pid: /pid (\d+)\./ } }),
          calls("t", "pid", "{}", { path, as: "sibling", says: ["pid "], never: ["pid {pid}."] }),
        ],
        upstream: [at("pid"), at("pid")],
      },
      {
        name: "two sessions of one caller have two",
        steps: [
          opens("s", { path }),
          opens("t", { path }),
          calls("s", "pid", "{}", { path, takes: { pid: /pid (\d+)\./ } }),
          calls("t", "pid", "{}", { path, says: ["pid "], never: ["pid {pid}."] }),
        ],
        upstream: [at("pid"), at("pid")],
      },
      {
        name: "two tenants have two",
        steps: [
          opens("s", { path: shared }),
          opens("t", { path: shared, as: "contractor" }),
          calls("s", "pid", "{}", { path: shared, takes: { pid: /pid (\d+)\./ } }),
          calls("t", "pid", "{}", { path: shared, as: "contractor", says: ["pid "], never: ["pid {pid}."] }),
        ],
        upstream: [called("kin", "pid", "{}"), called("kin", "pid", "{}")],
      },
      {
        name: "the gateway's environment",
        steps: [
          opens("s", { path }),
          call("env", { says: ["PATH"], never: ["BYPASS_SECRET", "NODE_OPTIONS"] }),
        ],
        upstream: [at("env")],
      },
      {
        name: "a forbidden tool of a child",
        steps: [opens("s", { path }), call("remove", { code: "forbidden" })],
      },
    ],
  },
];
