/** What the forward proxy must not connect, or not carry: each as it comes. */
import { extension, helloOf, recordsOf, serverName } from "./hello.js";
import { host } from "./lab.js";

export interface HeadAttack {
  readonly name: string;
  /** The target; or the whole head, where it begins with a method. `{port}` is the server's. */
  readonly head: string;
  readonly more?: readonly string[];
  readonly status: number;
  readonly code?: string;
  readonly asked?: true;
}

const form = { status: 400, code: "invalid_request" };
const where = { status: 403, code: "destination_refused", asked: true as const };

export const heads: readonly HeadAttack[] = [
  ...[
    "127.1",
    "2130706433",
    "0x7f000001",
    "0177.0.0.1",
    "127.0.0.1.",
    "0x7f.1",
    "127.0.0.0x1",
    "1.2.3",
    "256.1.1.1",
  ].map((text) => ({ name: `this machine as ${text}`, head: `${text}:{port}`, ...form })),
  { name: "an address", head: "93.184.215.14:{port}", ...where },
  { name: "this machine", head: "127.0.0.1:{port}", ...where },
  { name: "this machine in IPv6", head: "[::1]:{port}", ...where },
  { name: "this machine in IPv4 within IPv6", head: "[::ffff:127.0.0.1]:{port}", ...where },
  { name: "an address with a zone", head: "[fe80::1%25eth0]:{port}", status: 400 },
  { name: "a name of this machine", head: "localhost:{port}", ...where },
  { name: "a name of the inner network", head: "vault.internal:{port}", ...where },
  { name: "a single word", head: "intranet:{port}", ...where },
  { name: "a name that leads to this machine", head: "public.example:{port}", ...where },
  { name: "a name that leads to both worlds", head: "both.example:{port}", ...where },
  {
    name: "a name that leads to the cloud's metadata, whatever is configured",
    head: "meta.agents.example:{port}",
    ...where,
  },
  { name: "a name that leads to IPv4 within IPv6", head: "mapped.example:{port}", ...where },
  { name: "a name that leads to ::1", head: "six.example:{port}", ...where },
  { name: "a name that leads to a network in IPv6", head: "ula.example:{port}", ...where },
  { name: "a name that leads through NAT64", head: "nat.example:{port}", ...where },
  { name: "a name that leads to 0.0.0.0", head: "zero.example:{port}", ...where },
  { name: "a name that leads to another name", head: "text.example:{port}", ...where },
  {
    name: "a name that leads nowhere",
    head: "nothing.example:{port}",
    status: 502,
    code: "upstream_unavailable",
    asked: true,
  },
  { name: "a port that isn't configured", head: `${host}:22`, ...where },
  { name: "no port", head: host, status: 400 },
  { name: "port 0", head: `${host}:0`, status: 400 },
  { name: "a port with zeros in front", head: `${host}:0443`, ...form },
  { name: "a port beyond ports", head: `${host}:65979`, status: 400 },
  { name: "two ports", head: `${host}:443:{port}`, status: 400 },
  { name: "a user", head: `user@${host}:{port}`, status: 400 },
  { name: "a user that is a host", head: `${host}:443@evil.example:{port}`, status: 400 },
  { name: "a path behind", head: `${host}:{port}/path`, status: 400 },
  { name: "a scheme in front", head: `https://${host}:{port}`, status: 400 },
  { name: "a dot at the end", head: `${host}.:{port}`, ...form },
  { name: "two dots", head: `api..example:{port}`, ...form },
  { name: "an underscore", head: `a_b.example:{port}`, status: 400 },
  { name: "a percent sign", head: `api%2eagents.example:{port}`, status: 400 },
  { name: "a name beyond ASCII", head: "api.agents\u3002example:{port}", status: 400 },
  { name: "a label of 64 characters", head: `${"a".repeat(64)}.example:{port}`, ...form },
  {
    name: "another host in the header",
    head: `${host}:{port}`,
    more: ["host: other.agents.example"],
    status: 400,
    code: "header_mismatch",
  },
  {
    name: "two hosts in headers",
    head: `${host}:{port}`,
    more: [`host: ${host}`, "host: other.agents.example"],
    status: 400,
  },
  { name: "two credentials", head: `${host}:{port}`, more: ["proxy-authorization: Bearer other"], ...form },
  {
    name: "credentials for the host",
    head: `${host}:{port}`,
    more: ["authorization: Bearer x"],
    status: 407,
    code: "credential_unsupported",
  },
  {
    name: "a certificate that the client forwards",
    head: `${host}:{port}`,
    more: ["x-forwarded-client-cert: Hash=1"],
    status: 407,
  },
  { name: "a body", head: `${host}:{port}`, more: ["content-length: 5"], ...form },
  { name: "a body in chunks", head: `${host}:{port}`, more: ["transfer-encoding: chunked"], status: 400 },
  {
    name: "plain HTTP",
    head: `GET http://${host}:{port}/ HTTP/1.1`,
    status: 405,
    code: "method_not_allowed",
  },
  {
    name: "a route of the gateway",
    head: "POST /v1/chat/completions HTTP/1.1",
    status: 405,
    code: "method_not_allowed",
  },
  {
    name: "the gateway's keys",
    head: "GET /.well-known/jwks.json HTTP/1.1",
    status: 405,
    code: "method_not_allowed",
  },
  {
    name: "an upgrade",
    head: "GET /routes/x HTTP/1.1",
    more: ["connection: upgrade", "upgrade: websocket"],
    status: 405,
  },
  {
    name: "a head of 40,000 characters",
    head: `${host}:{port}`,
    more: [`x-long: ${"x".repeat(40_000)}`],
    status: 431,
  },
];

export interface HelloAttack {
  readonly name: string;
  readonly bytes: Buffer;
}

const own = serverName([0, host]);
const other = serverName([0, "evil.example"]);

/** What is sent once the proxy has said 200: none of it may reach the host. */
export const hellos: readonly HelloAttack[] = [
  { name: "plain HTTP", bytes: Buffer.from(`GET / HTTP/1.1\r\nhost: ${host}\r\n\r\n`) },
  { name: "SSH", bytes: Buffer.from("SSH-2.0-x\r\n") },
  { name: "a byte before the hello", bytes: Buffer.concat([Buffer.from("\n"), recordsOf(helloOf(own))]) },
  {
    name: "an alert before the hello",
    bytes: Buffer.concat([Buffer.from([21, 3, 1, 0, 2, 1, 0]), recordsOf(helloOf(own))]),
  },
  { name: "the hello of SSL 2", bytes: Buffer.from([0x80, 0x2e, 1, 0, 2, 0, 5, 0, 0, 0, 16]) },
  { name: "another name", bytes: recordsOf(helloOf(other)) },
  { name: "a name beneath the host's", bytes: recordsOf(helloOf(serverName([0, `evil.${host}`]))) },
  { name: "the host's name with a dot", bytes: recordsOf(helloOf(serverName([0, `${host}.`]))) },
  { name: "the host's name with a zero byte", bytes: recordsOf(helloOf(serverName([0, `${host}\0`]))) },
  { name: "no name", bytes: recordsOf(helloOf()) },
  { name: "two names in one list", bytes: recordsOf(helloOf(serverName([0, host], [0, "evil.example"]))) },
  { name: "two lists of names", bytes: recordsOf(helloOf(own, other)) },
  { name: "two lists of names, the host's last", bytes: recordsOf(helloOf(other, own)) },
  { name: "a name of another kind", bytes: recordsOf(helloOf(serverName([1, host]))) },
  { name: "a hidden hello", bytes: recordsOf(helloOf(own, extension(0xfe0d, Buffer.alloc(40)))) },
  { name: "a hidden name", bytes: recordsOf(helloOf(own, extension(0xffce, Buffer.alloc(40)))) },
  { name: "another name in records of one byte", bytes: recordsOf(helloOf(other), 1) },
  { name: "a hello too long", bytes: recordsOf(helloOf(own, extension(21, Buffer.alloc(17_000))), 8_000) },
  {
    name: "a hello with bytes left over",
    bytes: recordsOf(Buffer.concat([Buffer.from([1, 0, 0, 4]), Buffer.alloc(4)])),
  },
  { name: "a hello that never ends", bytes: recordsOf(helloOf(own)).subarray(0, 40) },
  { name: "an empty record", bytes: Buffer.from([22, 3, 1, 0, 0]) },
  { name: "nothing", bytes: Buffer.alloc(0) },
];
