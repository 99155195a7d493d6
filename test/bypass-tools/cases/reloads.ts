/** Sessions that are open while the configuration changes. */
import type { Topic } from "../attack.js";
import { called, calls, listens, opens, posts, rpc } from "../attack.js";
import { event, events } from "../upstream.js";

const path = "/mcp/twin";
const twin = (more: Parameters<typeof calls>[3]): ReturnType<typeof calls> =>
  calls("s", "read", "{}", { path, ...more });

export const reloads: readonly Topic[] = [
  {
    title: "configurations that change while a session is open",
    then: "a server that is gone takes its sessions with it; one that changed is spoken to anew",
    attacks: [
      {
        name: "a server that is gone",
        steps: [
          opens("s", { path }),
          twin({ says: ["done"] }),
          { reload: "without the twin" },
          twin({ status: 404, code: "unknown_server", never: ["done"] }),
          { reload: "as before" },
        ],
        upstream: [called("twin", "read", "{}")],
      },
      {
        name: "a server that is gone and comes back has none of its sessions",
        steps: [
          opens("s", { path }),
          { reload: "without the twin" },
          { reload: "as before" },
          twin({ status: 404, code: "unknown_session", never: ["done"] }),
        ],
      },
      {
        name: "what a server that is gone still says",
        answers: {
          "twin GET": [
            [
              events,
              { clientDid: 3 },
              event('{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}'),
              { wait: 300 },
            ],
          ],
        },
        steps: [
          opens("s", { path }),
          listens("s", { path, beside: /200 OK/, never: ["list_changed"] }),
          { reload: "without the twin" },
          { pause: 150 },
          { reload: "as before" },
        ],
      },
      {
        name: "a call that is under way at a server that is gone",
        answers: {
          "twin tools/call": [
            [
              { clientDid: 3 },
              { body: '{"jsonrpc":"2.0","id":{id},"result":{"content":[{"type":"text","text":"done"}]}}' },
            ],
          ],
        },
        steps: [
          opens("s", { path }),
          twin({ beside: "sent", status: 200, code: "request_cancelled", never: ["done"] }),
          { reload: "without the twin" },
          { reload: "as before" },
        ],
        upstream: [called("twin", "read", "{}")],
      },
      {
        name: "one of several servers that is gone",
        steps: [
          opens("s", { path: "/mcp" }),
          calls("s", "twin__read", "{}", { path: "/mcp", says: ["done"] }),
          { reload: "without the twin" },
          calls("s", "twin__read", "{}", { path: "/mcp", code: "unknown_tool", never: ["done"] }),
          posts("s", rpc("tools/list"), { path: "/mcp", says: ["files__read"], never: ["twin__"] }),
          { reload: "as before" },
        ],
        upstream: [called("twin", "read", "{}")],
      },
      {
        name: "a server that is elsewhere",
        steps: [
          opens("s", { path }),
          twin({ says: ["done"] }),
          { reload: "twin elsewhere" },
          twin({ says: ["done"] }),
          { reload: "as before" },
        ],
        upstream: [called("twin", "read", "{}"), called("guest", "read", "{}")],
      },
    ],
  },
];
