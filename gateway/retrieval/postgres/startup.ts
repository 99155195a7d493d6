/** The beginning of a connection (PostgreSQL manual, 55.2.1): what the client wants to be, and who it is. */
import type { Socket } from "node:net";
import type { Credentials } from "../../../sidecar/contract.js";
import { peerCertificates } from "../../../sidecar/contract.js";
import { checkSetting } from "./local.js";
import { NotAllowed } from "./sql/refuse.js";
import { BadFrame, Cursor, frame, Inbox, int32, readFrame, readStartup } from "./wire/frames.js";

export interface Started {
  readonly kind: "started";
  readonly socket: Socket;
  readonly inbox: Inbox;
  readonly credentials: Credentials;
  readonly settings: ReadonlyMap<string, string>;
}

export type Beginning =
  | Started
  | { readonly kind: "cancel"; readonly processId: number; readonly key: Buffer }
  /** It asked for what there isn't, and went. */
  | { readonly kind: "gone" };

export interface StartParts {
  /** Puts TLS on a connection; absent: there is none. */
  readonly startTls: ((socket: Socket) => Promise<Socket>) | undefined;
  /** The names that the database has for clients. */
  readonly databases: readonly string[];
}

const [sslRequest, gssRequest, cancelRequest] = [80_877_103, 80_877_104, 80_877_102];
/** The user under which an API key stands for the password. */
const keyUser = "api_key";
const oneWord = /^[\x21-\x7e]{1,32768}$/;
const loopback = /^(?:::ffff:)?127\.|^::1$/;

/** Reads the beginning. @throws BadFrame, NotAllowed */
export async function begin(plain: Socket, { startTls, databases }: StartParts): Promise<Beginning> {
  let socket = plain;
  let inbox = new Inbox(socket);
  let encrypted = false;
  for (;;) {
    const body = await readStartup(inbox);
    if (body === undefined) return { kind: "gone" };
    const code = body.readInt32BE(0);
    if (code === sslRequest || code === gssRequest) {
      // what was sent before the answer would be taken for what came encrypted
      if (encrypted || inbox.left > 0) throw new BadFrame("bytes before the answer");
      if (code === gssRequest || startTls === undefined) {
        socket.write("N");
        continue;
      }
      inbox.leave();
      socket.write("S");
      socket = await startTls(socket);
      inbox = new Inbox(socket);
      encrypted = true;
      continue;
    }
    if (code === cancelRequest) {
      if (body.length !== 12) throw new BadFrame("such a cancel request");
      return { kind: "cancel", processId: body.readInt32BE(4), key: body.subarray(8) };
    }
    if (code >>> 16 !== 3) throw new NotAllowed("0A000", "only version 3 of the protocol is spoken");
    if (!encrypted && !loopback.test(plain.remoteAddress ?? ""))
      throw new NotAllowed("28000", "TLS is needed: the password is a credential");
    const wanted = readParameters(body.subarray(4));
    const unknown = [...wanted.keys()].filter((name) => name.startsWith("_pq_."));
    if ((code & 0xffff) !== 0 || unknown.length > 0) socket.write(negotiate(unknown));
    const { user, settings } = checkParameters(wanted, databases);
    const credentials = await readPassword(socket, inbox, user);
    return credentials === undefined
      ? { kind: "gone" }
      : { kind: "started", socket, inbox, credentials, settings };
  }
}

function readParameters(body: Buffer): Map<string, string> {
  const cursor = new Cursor(body);
  const out = new Map<string, string>();
  for (;;) {
    const name = cursor.text();
    if (name === "") break;
    if (out.has(name)) throw new BadFrame("a parameter that stands twice");
    out.set(name, cursor.text());
  }
  cursor.end();
  return out;
}

/** INVARIANT: what isn't known of a start is refused: it could set anything. */
function checkParameters(
  given: ReadonlyMap<string, string>,
  databases: readonly string[],
): { readonly user: string; readonly settings: Map<string, string> } {
  const user = given.get("user") ?? "";
  const database = given.get("database") ?? user;
  const settings = new Map<string, string>();
  for (const [name, value] of given) {
    if (name === "user" || name === "database" || name.startsWith("_pq_.")) continue;
    if (name === "replication") {
      if (/^(?:false|off|no|0)$/i.test(value)) continue;
      throw new NotAllowed("42501", "replication is not passed on by the gateway");
    }
    if (name === "options") {
      if (value.trim() === "") continue;
      throw new NotAllowed("42501", "options of a start are not passed on by the gateway");
    }
    const plain = name.toLowerCase();
    checkSetting(plain, value);
    settings.set(plain, value);
  }
  if (!databases.includes(database)) throw new NotAllowed("3D000", "the database does not exist");
  return { user, settings };
}

const negotiate = (unknown: readonly string[]): Buffer =>
  frame("v", int32(0x30000), int32(unknown.length), ...unknown.map((one) => Buffer.from(`${one}\0`)));

/** Asks for the password in clear, which is a token, or an API key for the user `api_key`. */
async function readPassword(socket: Socket, inbox: Inbox, user: string): Promise<Credentials | undefined> {
  const certificates = peerCertificates(socket);
  const sent = certificates === undefined ? {} : { certificates };
  socket.write(frame("R", int32(3)));
  const message = await readFrame(inbox, 40_000);
  if (message === undefined) return undefined;
  if (message.type !== "p") throw new BadFrame("a message that is no password");
  const cursor = new Cursor(message.body);
  const password = cursor.text();
  cursor.end();
  if (password === "" && certificates !== undefined) return sent;
  if (!oneWord.test(password))
    throw new NotAllowed("28P01", "the password must be a token or an API key", "credential_unsupported");
  return { ...sent, ...(user === keyUser ? { api_key: password } : { bearer: password }) };
}
