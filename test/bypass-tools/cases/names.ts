/** Names that look like others, or lead to other servers. */
import type { Attack, Topic } from "../attack.js";
import { called, calls, modernCall, opens } from "../attack.js";

const call = (name: string, tool: string, code: string, status = 200, path = "/mcp/files"): Attack => ({
  name,
  steps: [opens("s", { path }), calls("s", tool, "{}", { path, status, code, never: ["done"] })],
});

const looks: Topic = {
  title: "names that look like a tool's",
  then: "a tool is called by its name to the letter, or not at all",
  attacks: [
    call("a forbidden one as it is", "remove", "forbidden"),
    call("in other letters", "Read", "forbidden"),
    call("with a blank behind", "read ", "invalid_params", 400),
    call("with a tab before", "\tread", "invalid_params", 400),
    call("with a joiner of no width", "re\u200dad", "invalid_params", 400),
    call("with a blank of no width", "read\u200b", "invalid_params", 400),
    call("with a mark of order", "\u202eread", "invalid_params", 400),
    call("in full width, which NFKC makes plain", "ｒｅａｄ", "invalid_params", 400),
    call("with a Cyrillic letter", "rеad", "invalid_params", 400),
    call("with NUL behind", "read\u0000", "invalid_params", 400),
    call("with the server before it", "files/read", "forbidden"),
    call("with another server before it", "twin/read", "forbidden"),
    call("with dots", "../files/read", "forbidden"),
    call("with percent signs", "re%61d", "forbidden"),
    call("__proto__", "__proto__", "forbidden"),
    call("a name of many letters", "r".repeat(301), "invalid_params", 400),
    call("empty", "", "invalid_params", 400),
    call("the aggregate's name on a server's route", "files__read", "forbidden"),
    {
      name: "in other letters, in the stateless era",
      steps: [modernCall("READ", "{}", { status: 200, code: "forbidden" })],
    },
    {
      name: "one that policy allows and the server doesn't have",
      steps: [opens("s"), calls("s", "made", "{}", { code: "unknown_tool", never: ["done"] })],
    },
  ],
};

const together = "/mcp";
const both: Topic = {
  title: "names of several servers together",
  then: "server, two underscores, the tool's name: split once, to the letter, among the servers of the route",
  attacks: [
    {
      name: "as it should be",
      steps: [
        opens("s", { path: together }),
        calls("s", "twin__read", "{}", { path: together, says: ["done"] }),
      ],
      upstream: [called("twin", "read", "{}")],
    },
    {
      name: "as it should be, in the stateless era",
      steps: [modernCall("files__read", "{}", { path: together, says: ["done"] })],
      upstream: [called("files", "read", "{}")],
    },
    {
      name: "a header with the server's own name of it",
      steps: [
        modernCall("files__read", "{}", {
          path: together,
          name: "read",
          status: 400,
          code: "header_mismatch",
        }),
      ],
    },
    call("no server", "read", "unknown_tool", 200, together),
    call("an empty server", "__read", "unknown_tool", 200, together),
    call("a server that isn't here", "tide__read", "unknown_tool", 200, together),
    call("a server in other letters", "Files__read", "unknown_tool", 200, together),
    call("three underscores", "files___read", "forbidden", 200, together),
    call("a server within a server", "files__twin__read", "forbidden", 200, together),
    call("one underscore", "files_read", "unknown_tool", 200, together),
    call("a slash", "files/read", "unknown_tool", 200, together),
    call("two servers", "files,twin__read", "unknown_tool", 200, together),
    call("a forbidden tool", "twin__remove", "forbidden", 200, together),
    call("__proto__ as a server", "__proto____read", "unknown_tool", 200, together),
    call("constructor as a server", "constructor__read", "unknown_tool", 200, together),
  ],
};

const routes: Topic = {
  title: "routes that aren't a server's to the letter",
  then: "404, or denied as a server that may not be spoken to: nobody learns which servers there are",
  attacks: [
    ...[
      "/mcp/Files",
      "/mcp/files/",
      "/mcp/files/..",
      "/mcp//files",
      "/mcp/./files",
      "/mcp/fi%6ces",
      "/mcp/files?server=twin",
      "/mcp/files#twin",
      "/mcp/nothere",
      "/mcp/vault/../files",
    ].map((path): Attack => ({
      name: path,
      steps: [
        modernCall("read", "{}", {
          path,
          status: path === "/mcp/Files" || path === "/mcp/nothere" ? 200 : 404,
          never: ["done"],
        }),
      ],
    })),
    {
      name: "a server that nobody may speak to",
      steps: [modernCall("read", "{}", { path: "/mcp/vault", status: 200, code: "forbidden" })],
    },
  ],
};

export const names: readonly Topic[] = [looks, both, routes];
