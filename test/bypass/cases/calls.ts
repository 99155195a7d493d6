/** Calls in a model's answers, told so that a client could see another call than the one that was decided. */
import type { Attack, Topic } from "../attack.js";
import { chat, claude, gem, request, wire } from "../attack.js";
import { reply, streamed } from "../upstream.js";

const tools = [{ type: "function", function: { name: "read", parameters: {} } }];
const asks = chat({ tools });
const asksStream = chat({ tools, stream: true });
const claudeAsks = chat({
  model: "claude-small",
  max_tokens: 9,
  tools: [{ name: "read", input_schema: {} }],
});
const claudeStream = `${claudeAsks.slice(0, -1)},"stream":true}`;
const gemAsks =
  '{"contents":[{"parts":[{"text":"x"}]}],"tools":[{"functionDeclarations":[{"name":"read"}]}]}';
const secret = "/etc/shadow";
const stolen = JSON.stringify({ path: secret });
const harmless = '{"path":"/a"}';

const whole = (message: object): string =>
  reply(
    JSON.stringify({
      id: "c",
      choices: [
        { index: 0, finish_reason: "tool_calls", message: { role: "assistant", content: null, ...message } },
      ],
    }),
  );
const named = (name: string, given: unknown): object => ({
  id: "t",
  type: "function",
  function: { name, arguments: given },
});
const events = (...list: readonly object[]): string =>
  list
    .map((data) => {
      const { type } = data as { type?: string };
      return `${type === undefined ? "" : `event: ${type}\n`}data: ${JSON.stringify(data)}\n\n`;
    })
    .join("");
const delta = (more: object, finish: string | null = null): object => ({
  id: "c",
  choices: [{ index: 0, delta: more, finish_reason: finish }],
});
const piece = (index: number | undefined, name: string | undefined, text: unknown, id?: string): object =>
  delta({
    tool_calls: [
      {
        ...(index === undefined ? {} : { index }),
        ...(id === undefined ? {} : { id, type: "function" }),
        function: { ...(name === undefined ? {} : { name }), arguments: text },
      },
    ],
  });
const done = `${events(delta({}, "tool_calls"))}data: [DONE]\n\n`;

const plain = (name: string, message: object, gets: Partial<Attack>): Attack => ({
  name,
  send: request(asks),
  answer: [whole(message)],
  status: 200,
  upstream: [wire(asks)],
  ...gets,
});
const flow = (name: string, text: string, gets: Partial<Attack>): Attack => ({
  name,
  send: request(asksStream),
  answer: [streamed(text), "end"],
  status: 200,
  upstream: [wire(asksStream, { stream: true })],
  ...gets,
});
const claudeFlow = (name: string, text: string, gets: Partial<Attack>): Attack => ({
  name,
  send: request(claudeStream, { path: "/v1/messages" }),
  answer: [streamed(text), "end"],
  status: 200,
  upstream: [wire(claudeStream, { ...claude, stream: true })],
  ...gets,
});
const refusedCall = { says: ["was refused"], never: [secret, '"delete_file"'] };
const cut = { says: ["the stream was cut"], never: [secret] };
const invalid = { status: 502, code: "upstream_invalid", never: [secret] };

const start = (content: readonly object[] = []): object => ({
  type: "message_start",
  message: {
    id: "m",
    type: "message",
    role: "assistant",
    model: "m",
    content,
    usage: { input_tokens: 1, output_tokens: 1 },
  },
});
const open = (name: string, input: unknown = {}, index: unknown = 0): object => ({
  type: "content_block_start",
  index,
  content_block: { type: "tool_use", id: "t", name, input },
});
const json = (partial_json: string, index: unknown = 0): object => ({
  type: "content_block_delta",
  index,
  delta: { type: "input_json_delta", partial_json },
});
const shut = (index: unknown = 0): object => ({ type: "content_block_stop", index });
const last = [
  { type: "message_delta", delta: { stop_reason: "tool_use" }, usage: { output_tokens: 1 } },
  { type: "message_stop" },
];
const destroys = `${events(piece(0, "delete_file", "", "t"), piece(0, undefined, '{"path":'), piece(0, undefined, `"${secret}"}`))}${done}`;

export const calls: readonly Topic[] = [
  {
    title: "calls in an answer",
    then: "decided as the client would carry them out, else refused",
    attacks: [
      plain("a forbidden call", { tool_calls: [named("delete_file", stolen)] }, refusedCall),
      plain(
        "a forbidden call among others",
        { tool_calls: [named("read", "{}"), named("delete_file", stolen)] },
        { ...refusedCall, says: ["was refused", '"name":"read"'] },
      ),
      plain(
        "a call of before there were tools",
        { function_call: { name: "delete_file", arguments: stolen } },
        refusedCall,
      ),
      plain("arguments as an object", { tool_calls: [named("delete_file", { path: secret })] }, refusedCall),
      plain(
        "arguments as an object, of a call that is allowed",
        { tool_calls: [named("read", { path: secret })] },
        refusedCall,
      ),
      plain(
        "arguments as an object, of before there were tools",
        { function_call: { name: "read", arguments: { path: secret } } },
        refusedCall,
      ),
      plain("arguments as a list", { tool_calls: [named("read", [secret])] }, refusedCall),
      plain(
        "arguments with a key twice",
        { tool_calls: [named("read", `{"path":"/a","path":"${secret}"}`)] },
        refusedCall,
      ),
      plain(
        "arguments and more behind",
        { tool_calls: [named("read", `{"path":"/a"}{"path":"${secret}"}`)] },
        refusedCall,
      ),
      plain("arguments that are no JSON", { tool_calls: [named("read", `path=${secret}`)] }, refusedCall),
      plain(
        "two calls in one",
        { tool_calls: [{ ...named("read", "{}"), custom: { name: "delete_file", input: secret } }] },
        refusedCall,
      ),
      plain(
        "a custom call",
        { tool_calls: [{ id: "t", type: "custom", custom: { name: "read", input: secret } }] },
        refusedCall,
      ),
      plain("calls in an object", { tool_calls: { "0": named("delete_file", stolen) } }, invalid),
      plain("a call that is text", { tool_calls: [`delete_file(${secret})`] }, invalid),
      plain(
        "calls under another spelling, which some clients take for it",
        { Tool_Calls: [named("delete_file", stolen)] },
        invalid,
      ),
      plain("the same by a long s", { "tool_call\u017f": [named("delete_file", stolen)] }, invalid),
      {
        ...plain("calls, escaped", {}, refusedCall),
        answer: [
          whole({ tool_calls: [named("delete_file", stolen)] })
            .replace("tool_calls", "tool\\u005fcalls")
            .replace(/content-length: \d+/, (line) => `content-length: ${Number(line.split(" ")[1]) + 5}`),
        ],
      },
      {
        name: "arguments as an object, with what they say",
        send: request(asks),
        answer: [whole({ tool_calls: [named("read", { path: "/a" })] })],
        status: 200,
        says: ['"arguments":{"path":"/a"}'],
        upstream: [wire(asks)],
      },
      {
        name: "Anthropic's",
        send: request(claudeAsks, { path: "/v1/messages" }),
        answer: [
          reply(
            JSON.stringify({
              type: "message",
              content: [{ type: "tool_use", id: "t", name: "delete_file", input: { path: secret } }],
            }),
          ),
        ],
        status: 200,
        ...refusedCall,
        upstream: [wire(claudeAsks, claude)],
      },
      {
        name: "Anthropic's, its input as text",
        send: request(claudeAsks, { path: "/v1/messages" }),
        answer: [
          reply(
            JSON.stringify({
              type: "message",
              content: [{ type: "tool_use", id: "t", name: "read", input: stolen }],
            }),
          ),
        ],
        status: 200,
        ...refusedCall,
        upstream: [wire(claudeAsks, claude)],
      },
      {
        name: "Gemini's",
        send: request(gemAsks, { path: "/v1beta/models/gem-small:generateContent" }),
        answer: [
          reply(
            JSON.stringify({
              candidates: [
                { content: { parts: [{ functionCall: { name: "delete_file", args: { path: secret } } }] } },
              ],
            }),
          ),
        ],
        status: 200,
        ...refusedCall,
        upstream: [wire(gemAsks, gem("generateContent"))],
      },
      {
        name: "Gemini's, its args as text",
        send: request(gemAsks, { path: "/v1beta/models/gem-small:generateContent" }),
        answer: [
          reply(
            JSON.stringify({
              candidates: [{ content: { parts: [{ functionCall: { name: "read", args: stolen } }] } }],
            }),
          ),
        ],
        status: 200,
        ...refusedCall,
        upstream: [wire(gemAsks, gem("generateContent"))],
      },
    ],
  },
  {
    title: "calls in a stream",
    then: "held until they are whole; decided as any client puts them together, else the stream is cut",
    attacks: [
      flow("in pieces", destroys, refusedCall),
      { ...flow("a byte at a time", "", refusedCall), answer: [streamed(""), { drip: destroys }, "end"] },
      flow("never finished", destroys.replace(done, ""), cut),
      flow("never finished, but for [DONE]", destroys.replace(done, "data: [DONE]\n\n"), cut),
      flow(
        "a name in pieces, which some put together and some don't",
        `${events(piece(0, "x", "", "t"), piece(0, "delete_file", harmless))}${done}`,
        { never: ['"delete_file"'] },
      ),
      flow(
        "two calls under one index",
        `${events(piece(0, "read", "", "t1"), piece(0, "delete_file", harmless, "t2"))}${done}`,
        { never: ['"delete_file"'] },
      ),
      flow(
        "without an index",
        `${events(piece(undefined, "read", "", "t1"), piece(undefined, "delete_file", harmless, "t2"))}${done}`,
        { never: ['"delete_file"'] },
      ),
      flow("a negative index", `${events(piece(-1, "delete_file", stolen, "t"))}${done}`, cut),
      flow(
        "calls in an object",
        `${events(delta({ tool_calls: { "0": named("delete_file", stolen) } }))}${done}`,
        cut,
      ),
      flow("a call that is text", `${events(delta({ tool_calls: [stolen] }))}${done}`, cut),
      flow(
        "arguments as an object",
        `${events(piece(0, "delete_file", { path: secret }, "t"))}${done}`,
        refusedCall,
      ),
      flow(
        "arguments as an object, of a call that is allowed",
        `${events(piece(0, "read", { path: secret }, "t"))}${done}`,
        refusedCall,
      ),
      flow("arguments in a list", `${events(piece(0, "read", [stolen], "t"))}${done}`, refusedCall),
      flow(
        "in a message instead of a delta",
        `${events({ id: "c", choices: [{ index: 0, message: { tool_calls: [named("delete_file", stolen)] }, finish_reason: "tool_calls" }] })}data: [DONE]\n\n`,
        cut,
      ),
      flow(
        "under another spelling",
        `${events(delta({ Tool_Calls: [named("delete_file", stolen)] }))}${done}`,
        cut,
      ),
      flow("after the end", `${done}${destroys}`, refusedCall),
      flow(
        "of before there were tools",
        `${events(delta({ function_call: { name: "delete_file", arguments: "" } }), delta({ function_call: { arguments: stolen } }), delta({}, "function_call"))}data: [DONE]\n\n`,
        refusedCall,
      ),
      flow("its words escaped", destroys.replaceAll("tool_calls", "t\\u006fol_calls"), refusedCall),
      flow(
        "a key twice",
        `data: {"choices":[],"choices":[{"index":0,"delta":{"tool_calls":[${JSON.stringify(named("delete_file", stolen))}]}}]}\n\n`,
        cut,
      ),
      flow(
        "more than a client would wait for",
        events(...Array.from({ length: 300 }, (_, i) => piece(i, "delete_file", stolen, `t${i}`))) + done,
        refusedCall,
      ),
      claudeFlow(
        "Anthropic's, in pieces",
        events(start(), open("delete_file"), json('{"path":'), json(`"${secret}"}`), shut(), ...last),
        refusedCall,
      ),
      claudeFlow(
        "Anthropic's, a piece after the end",
        events(start(), open("read"), shut(), json(stolen), ...last),
        cut,
      ),
      claudeFlow(
        "Anthropic's, a piece under another spelling of the index",
        events(start(), open("read"), shut()) +
          events(json(stolen)).replace('"index":0', '"index":0.0') +
          events(...last),
        cut,
      ),
      claudeFlow(
        "Anthropic's, a piece before the beginning",
        events(start(), json(stolen), open("read"), shut(), ...last),
        cut,
      ),
      claudeFlow(
        "Anthropic's, in the message's own beginning",
        events(start([{ type: "tool_use", id: "t", name: "delete_file", input: { path: secret } }]), ...last),
        cut,
      ),
      claudeFlow(
        "Anthropic's, its input as text",
        events(start(), open("read", stolen), shut(), ...last),
        refusedCall,
      ),
      claudeFlow(
        "Anthropic's, its input twice",
        events(start(), open("read", { path: "/a" }), json(stolen), shut(), ...last),
        refusedCall,
      ),
      claudeFlow("Anthropic's, never finished", events(start(), open("read"), json(stolen)), cut),
    ],
  },
  {
    title: "what isn't one event to every reader",
    then: "one event, whoever reads it",
    attacks: [
      ...["\u2028", "\u2029", "\u0085"].map((sign) =>
        flow(
          `U+${sign.charCodeAt(0).toString(16).padStart(4, "0")} in a text, a line's end to some`,
          `${events(delta({ content: `x${sign}${sign}data: ${stolen}` }))}data: [DONE]\n\n`,
          {
            says: ["\\u"],
            never: [sign],
          },
        ),
      ),
      ...["\u000b", "\u000c", "\u001c", "\u001e"].map((sign) =>
        flow(
          `U+${sign.charCodeAt(0).toString(16).padStart(4, "0")} in an event, a line's end to some`,
          `: x${sign}data: ${destroys.split("\n", 1)[0]?.slice(6) ?? ""}\n\ndata: [DONE]\n\n`,
          {
            never: [sign],
          },
        ),
      ),
      flow(
        "a carriage return is a line's end",
        `: x\rdata: ${JSON.stringify(delta({ tool_calls: [named("delete_file", stolen)] }))}\n\n${done}`,
        { never: [secret] },
      ),
      flow(
        "a call in two data lines",
        `${destroys.replace('"choices":', '\ndata: "choices":')}`,
        refusedCall,
      ),
      flow(
        "two events in two data lines",
        `data: ${JSON.stringify(delta({ content: "x" }))}\n${destroys}`,
        cut,
      ),
      flow("id, event and retry", `id: 1\nevent: message\nretry: 1\n${destroys}`, refusedCall),
      flow("a field without a blank", destroys.replaceAll("data: ", "data:"), refusedCall),
      flow("a byte order mark", `\ufeff${destroys}`, refusedCall),
      flow(
        "line ends of three kinds",
        destroys.replace("\n\n", "\r\n\r\n").replace("\n\n", "\r\r"),
        refusedCall,
      ),
      flow(
        "a model's text that looks like an event",
        `${events(delta({ content: `\n\ndata: ${stolen}\n\n` }))}data: [DONE]\n\n`,
        { says: ["\\n\\ndata: "] },
      ),
      flow(
        "an event that is cut off",
        `${events(delta({ content: "x" }))}data: ${JSON.stringify(delta({ tool_calls: [named("delete_file", stolen)] }))}`,
        { never: [secret] },
      ),
      {
        ...flow("bytes that aren't UTF-8", "", cut),
        answer: [
          streamed(""),
          Buffer.concat([Buffer.from('data: {"x":"'), Buffer.of(0xff), Buffer.from('"}\n\n')]),
          "end",
        ],
      },
    ],
  },
];
