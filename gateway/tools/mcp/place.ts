/** Which servers a route stands for, and what their tools and prompts are called there. */
import type { GatewayConfig } from "../../config.js";
import type { ServerConfig } from "../server-config.js";

export interface Place {
  /** The route, as sessions are bound to it. */
  readonly route: string;
  readonly servers: ReadonlyMap<string, ServerConfig>;
  /** Gives the name that clients know. */
  nameOf(server: string, name: string): string;
  /** Gives the server, and its own name of what a client named. */
  find(name: string): { readonly server: string; readonly name: string } | undefined;
}

/** Stands between server and name where several servers share a route. INVARIANT: no such server's name holds it. */
export const separator = "__";

/** Finds what a route stands for; undefined where there is no such thing. `name` is absent for all servers together. */
export function placeOf(
  { servers, mcp }: Pick<GatewayConfig, "servers" | "mcp">,
  name: string | undefined,
): Place | undefined {
  if (name === undefined) {
    if (mcp.together.length === 0) return undefined;
    const here = new Map(
      mcp.together.flatMap((one) => {
        const server = servers.get(one);
        return server === undefined ? [] : [[one, server] as const];
      }),
    );
    return {
      route: "/mcp",
      servers: here,
      nameOf: (server, own) => `${server}${separator}${own}`,
      find(said) {
        const at = said.indexOf(separator);
        if (at < 1) return undefined;
        const [server, own] = [said.slice(0, at), said.slice(at + separator.length)];
        return here.has(server) ? { server, name: own } : undefined;
      },
    };
  }
  const server = servers.get(name);
  if (server === undefined) return undefined;
  return {
    route: `/mcp/${name}`,
    servers: new Map([[name, server]]),
    nameOf: (_server, own) => own,
    find: (said) => ({ server: name, name: said }),
  };
}
