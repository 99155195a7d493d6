/** The official MCP client finds the authorization server by itself, and comes back with more scopes when asked to. */
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, beforeEach, expect, test } from "@jest/globals";
import type { OAuthClientProvider } from "@modelcontextprotocol/sdk/client/auth.js";
import { UnauthorizedError } from "@modelcontextprotocol/sdk/client/auth.js";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import type { Reason } from "../../sidecar/contract.js";
import type { ToolServer } from "./mcp-server.js";
import { startToolServer } from "./mcp-server.js";
import { startWorld, type World } from "./world.js";

interface AuthorizationServer {
  readonly url: string;
  /** What was asked of its token endpoint. */
  readonly asked: URLSearchParams[];
  close(): Promise<void>;
}

/** An authorization server for one public client: its token is the scopes that it was given for. */
async function startAuthorizationServer(): Promise<AuthorizationServer> {
  const asked: URLSearchParams[] = [];
  const read = async (req: IncomingMessage): Promise<URLSearchParams> => {
    let text = "";
    for await (const chunk of req) text += String(chunk);
    return new URLSearchParams(text);
  };
  const server = createServer((req, res) => {
    const answer = (value: object): void => {
      res.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(value));
    };
    if (req.url === "/.well-known/oauth-authorization-server") {
      return answer({
        issuer: url,
        authorization_endpoint: `${url}/authorize`,
        token_endpoint: `${url}/token`,
        response_types_supported: ["code"],
        grant_types_supported: ["authorization_code"],
        code_challenge_methods_supported: ["S256"],
        token_endpoint_auth_methods_supported: ["none"],
      });
    }
    if (req.url !== "/token") return void res.writeHead(404).end();
    void read(req).then((form) => {
      asked.push(form);
      answer({ access_token: `token-for-${form.get("code") ?? ""}`, token_type: "Bearer", expires_in: 60 });
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    asked,
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
  };
}

/** A person with a browser: remembers where it was sent. */
function createPerson(): { provider: OAuthClientProvider; sentTo: URL[] } {
  const sentTo: URL[] = [];
  let tokens: Awaited<ReturnType<OAuthClientProvider["tokens"]>>;
  let verifier = "";
  return {
    sentTo,
    provider: {
      redirectUrl: "http://127.0.0.1/callback",
      clientMetadata: { redirect_uris: ["http://127.0.0.1/callback"], client_name: "test" },
      clientInformation: () => ({ client_id: "test" }),
      tokens: () => tokens,
      saveTokens: (saved) => {
        tokens = saved;
      },
      redirectToAuthorization: (url) => {
        sentTo.push(url);
      },
      saveCodeVerifier: (saved) => {
        verifier = saved;
      },
      codeVerifier: () => verifier,
    },
  };
}

let world: World;
let server: ToolServer;
let logins: AuthorizationServer;
beforeAll(async () => {
  server = await startToolServer(true);
  logins = await startAuthorizationServer();
  world = await startWorld({
    mcpUrl: server.url,
    config: {
      authorization_servers: [logins.url],
      resource_metadata: { scopes_supported: ["tools:read"], dpop_signing_alg_values_supported: ["ES256"] },
    },
  });
});
afterAll(async () => {
  await world.close();
  await server.close();
  await logins.close();
});
beforeEach(() => {
  logins.asked.length = 0;
});

const refuse = (reason: Reason): { allow: false; reasons: Reason[] } => ({ allow: false, reasons: [reason] });

test("it learns from the gateway whom to ask, for which resource and scopes; with more when policy asks", async () => {
  world.sidecar.decide = (call, { credentials }) => {
    if (credentials.bearer === undefined) return refuse({ code: "unauthenticated", message: "m" });
    const writes = call.resource.id === "files/delete_file" && call.action.name !== "tool.approve";
    if (!writes || credentials.bearer === "token-for-second") return { allow: true };
    const properties = { scope: "tools:write" };
    return refuse({ code: "insufficient_scope", message: "m", properties });
  };
  const { provider, sentTo } = createPerson();
  const open = (): StreamableHTTPClientTransport =>
    new StreamableHTTPClientTransport(new URL(`${world.url}/mcp/files`), { authProvider: provider });

  const first = open();
  const unknown = new Client({ name: "test", version: "1" });
  await expect(unknown.connect(first as Transport)).rejects.toBeInstanceOf(UnauthorizedError);
  expect(sentTo[0]?.origin).toBe(logins.url);
  expect(sentTo[0]?.searchParams.get("resource")).toBe(`${world.url}/mcp/files`);
  expect(sentTo[0]?.searchParams.get("scope")).toBe("tools:read");
  await first.finishAuth("first");
  expect(logins.asked[0]?.get("resource")).toBe(`${world.url}/mcp/files`);

  const client = new Client({ name: "test", version: "1" });
  const transport = open();
  await client.connect(transport as Transport);
  const { content } = await client.callTool({ name: "read_file", arguments: { path: "/a" } });
  expect(content).toEqual([{ type: "text", text: "content of /a" }]);

  // the policy wants more than this token has: the client goes for it
  const remove = () => client.callTool({ name: "delete_file", arguments: { path: "/a" } });
  await expect(remove()).rejects.toBeInstanceOf(UnauthorizedError);
  expect(sentTo[1]?.searchParams.get("scope")).toBe("tools:write");
  await transport.finishAuth("second");
  const removed = await remove();
  expect(removed.isError).not.toBe(true);
  await client.close();
});
