/** What clients without sessions carry between a question and its answer. */
import type { Attack, Expected, Topic } from "../attack.js";
import { called, calls, getsModern, modernCall, opens } from "../attack.js";
import type { Step } from "../upstream.js";
import { done, event, events, result, text } from "../upstream.js";

const caps = '{"elicitation":{"form":{}}}';
const form = (message = "Which colour?"): string =>
  `{"mode":"form","message":"${message}","requestedSchema":{"type":"object","properties":{"colour":{"type":"string"}}}}`;
const asks = (method: string, params: string, key = "form"): Step =>
  result(
    `{"resultType":"input_required","inputRequests":{"${key}":{"method":"${method}","params":${params}}},"requestState":"of-the-server"}`,
  );
const fine = result(`{"resultType":"complete",${text("done").slice(1)}`);
const answer = '{"action":"accept","content":{"colour":"blue"}}';
const tide = "/mcp/tide";
const take = { state: /"requestState":"([^"]+)"/ };
const call = (
  name: string,
  args: string,
  fields: string,
  more: Parameters<typeof modernCall>[2] = {},
): ReturnType<typeof modernCall> => {
  const send = modernCall(name, args, { path: tide, caps, ...more });
  return { ...send, body: send.body?.replace('"arguments":', `${fields}"arguments":`) ?? "" };
};
const given = (state = "{state}", responses = `{"form":${answer}}`): string =>
  `"inputResponses":${responses},"requestState":"${state}",`;
const first: Expected = getsModern("tide", "tools/call", '"name":"read","arguments":{}', "read");
const second: Expected = getsModern(
  "tide",
  "tools/call",
  `"name":"read","arguments":{},"inputResponses":{"form":${answer}},"requestState":"of-the-server"`,
  "read",
);
const unknown = { code: "unknown_request_state", never: ["done"] } as const;

/** The server asks; `steps` is what comes of it. */
const asked = (name: string, steps: Attack["steps"], more: Partial<Attack> = {}): Attack => ({
  ...{
    name,
    answers: { "tide tools/call": [[asks("elicitation/create", form())], [fine]] },
    upstream: [first],
  },
  ...more,
  steps: [
    call("read", "{}", "", {
      takes: take,
      says: ["Which colour?", "input_required"],
      never: ["of-the-server"],
    }),
    ...steps,
  ],
});
const states: Topic = {
  title: "states of requests",
  then: "sealed: for this caller, server, route, method and parameters, for a while; else `unknown_request_state`",
  attacks: [
    asked("as it should be", [call("read", "{}", given(), { says: ["done"] })], {
      upstream: [first, second],
    }),
    asked("with other arguments", [call("read", '{"path":"/b"}', given(), unknown)]),
    asked("with the same argument, written otherwise", [call("pay", '{"amount":1}', given(), unknown)]),
    asked("with another tool", [call("place", "{}", given(), { ...unknown })]),
    asked("with a forbidden tool", [call("remove", "{}", given(), { code: "forbidden" })]),
    asked("by another caller", [call("read", "{}", given(), { as: "analyst", ...unknown })]),
    asked("by another user of the same agent", [call("read", "{}", given(), { as: "sibling", ...unknown })]),
    asked("by another tenant's", [call("read", "{}", given(), { as: "contractor", ...unknown })]),
    asked("at another server", [call("read", "{}", given(), { path: "/mcp/files", ...unknown })]),
    asked("the server's own, which the client never saw", [
      call("read", "{}", given("of-the-server"), unknown),
    ]),
    asked("a letter more", [call("read", "{}", given("{state}A"), unknown)]),
    asked("in another spelling of base64", [call("read", "{}", given("{state}="), unknown)]),
    asked("of another version", [call("read", "{}", given("2.AAAA"), unknown)]),
    asked("empty", [call("read", "{}", given(""), unknown)]),
    asked("a number", [call("read", "{}", '"requestState":1,', { status: 400, code: "invalid_params" })]),
    asked("after its time", [{ pause: 450 }, call("read", "{}", given(), unknown)], { hasty: true }),
    asked(
      "answers without a state aren't passed on",
      [call("read", "{}", `"inputResponses":{"form":${answer}},`, { says: ["done"] })],
      { upstream: [first, first] },
    ),
    asked("answers that are a list", [
      call("read", "{}", '"inputResponses":[],"requestState":"{state}",', {
        status: 400,
        code: "invalid_params",
      }),
    ]),
    asked(
      "an answer to what wasn't asked isn't passed on",
      [
        call(
          "read",
          "{}",
          given("{state}", `{"form":${answer},"more":{"action":"accept"},"__proto__":{"action":"accept"}}`),
          { says: ["done"] },
        ),
      ],
      { upstream: [first, second] },
    ),
    asked("a field that wasn't asked for", [
      call("read", "{}", given("{state}", '{"form":{"action":"accept","content":{"password":"x"}}}'), {
        code: "input_refused",
      }),
    ]),
    asked("a member beside the answer", [
      call("read", "{}", given("{state}", '{"form":{"action":"accept","content":{},"more":"{token}"}}'), {
        code: "input_refused",
      }),
    ]),
    asked("an answer that is no object", [
      call("read", "{}", given("{state}", '{"form":"accept"}'), { code: "input_refused" }),
    ]),
    {
      name: "a cursor's, which is sealed for a list",
      answers: {
        "tide resources/list": [[result('{"resultType":"complete","resources":[],"nextCursor":"x"}')]],
      },
      steps: [
        {
          ...modernCall("x", "{}"),
          path: tide,
          head: ["mcp-protocol-version: 2026-07-28", "mcp-method: resources/list"],
          body: `{"jsonrpc":"2.0","id":1,"method":"resources/list","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}}`,
          takes: { state: /"nextCursor":"([^"]+)"/ },
        },
        call("read", "{}", given(), unknown),
      ],
      upstream: [getsModern("tide", "resources/list", "")],
    },
    {
      name: "from a client with a session",
      steps: [
        opens("s", { path: tide, caps }),
        {
          ...calls("s", "read", "{}", { path: tide, status: 200, ...unknown }),
          body: `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"read","arguments":{},"requestState":"1.AAAA"}}`,
        },
      ],
    },
  ],
};

const refused = (name: string, answered: Step, code: string, never = "colour"): Attack => ({
  name,
  answers: { "tide tools/call": [[answered]] },
  steps: [call("read", "{}", "", { status: 200, code, never: [never, "of-the-server"] })],
  upstream: [first],
});
const many = Array.from({ length: 17 }, (_one, i) => `"k${i}":{"method":"roots/list","params":{}}`).join();
const results: Topic = {
  title: "results that ask for what they may not",
  then: "the request ends: `input_refused`, or `upstream_invalid` where it isn't a question at all",
  attacks: [
    refused("a secret", asks("elicitation/create", form("Your password?")), "input_refused"),
    refused(
      "a secret with a Cyrillic letter",
      asks("elicitation/create", form("Your pаssword?")),
      "input_refused",
    ),
    refused(
      "what the client can't",
      asks("sampling/createMessage", '{"messages":[],"maxTokens":1}'),
      "input_refused",
    ),
    refused("a method that isn't known", asks("tools/call", '{"name":"remove","colour":1}'), "input_refused"),
    refused(
      "a field that isn't known",
      asks("elicitation/create", form().replace("{", '{"task":{},')),
      "input_refused",
    ),
    refused(
      "a member beside",
      result(
        `{"resultType":"input_required","inputRequests":{"form":{"method":"elicitation/create","params":${form()},"id":1}}}`,
      ),
      "upstream_invalid",
    ),
    refused("nothing", result('{"resultType":"input_required"}'), "upstream_invalid"),
    refused("a list", result('{"resultType":"input_required","inputRequests":[]}'), "upstream_invalid"),
    refused(
      "a state that is no text",
      result('{"resultType":"input_required","requestState":{"a":1}}'),
      "upstream_invalid",
    ),
    refused(
      "too much at a time",
      result(`{"resultType":"input_required","inputRequests":{${many}}}`),
      "upstream_invalid",
    ),
    {
      name: "of a list, which needs no input",
      answers: { "tide tools/list": [[asks("elicitation/create", form())]] },
      steps: [call("read", "{}", "", { status: 200, code: "upstream_invalid", never: ["colour"] })],
    },
  ],
};

const waiting: readonly Step[] = [
  ...[events, event(`{"jsonrpc":"2.0","id":"mine","method":"elicitation/create","params":${form()}}`)],
  ...([{ hears: /"id":"mine"|cancelled/ }, done, "end"] as const),
];
const told = { server: "files", body: `{"jsonrpc":"2.0","id":"mine","result":${answer}}` };
const files = "/mcp/files";
const parkedAnswer = given("{state}", `{"input-1":${answer}}`);
const parked = (name: string, steps: Attack["steps"], upstream: readonly Expected[] = []): Attack => ({
  name,
  answers: { "files tools/call": [waiting] },
  steps: [
    call("read", "{}", "", { path: files, takes: take, says: ["Which colour?"], never: ['"mine"'] }),
    ...steps,
  ],
  upstream: [called("files", "read", "{}"), ...upstream],
});
const cancelled: Expected = {
  server: "files",
  body: '{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":{number},"reason":"cancelled by the client"}}',
};
const requests: Topic = {
  title: "requests that wait at a server for input",
  then: "one answer, by the same caller, for the same request, in time",
  attacks: [
    parked("as it should be", [call("read", "{}", parkedAnswer, { path: files, says: ["done"] })], [told]),
    parked(
      "twice",
      [
        call("read", "{}", parkedAnswer, { path: files, says: ["done"] }),
        call("read", "{}", parkedAnswer, { path: files, ...unknown }),
      ],
      [told],
    ),
    parked(
      "by another caller, then as it should be",
      [
        call("read", "{}", parkedAnswer, { path: files, as: "analyst", ...unknown }),
        call("read", "{}", parkedAnswer, { path: files, says: ["done"] }),
      ],
      [told],
    ),
    parked(
      "with other arguments, then as it should be",
      [
        call("read", '{"path":"b"}', parkedAnswer, { path: files, ...unknown }),
        call("read", "{}", parkedAnswer, { path: files, says: ["done"] }),
      ],
      [told],
    ),
    {
      ...parked(
        "after its time",
        [{ pause: 500 }, call("read", "{}", parkedAnswer, { path: files, ...unknown })],
        [cancelled],
      ),
      hasty: true,
    },
    parked(
      "an answer that doesn't fit",
      [
        call("read", "{}", given("{state}", '{"input-1":{"action":"accept","content":{"password":"x"}}}'), {
          path: files,
          says: ["done"],
        }),
      ],
      [
        {
          server: "files",
          body: '{"jsonrpc":"2.0","id":"mine","error":{"code":-32602,"message":"invalid params"}}',
        },
      ],
    ),
  ],
};

export const state: readonly Topic[] = [states, results, requests];
