/** An agent: a Workload API server on the official interface, whose answers a test changes as it goes. */
import { loadSync } from "@grpc/proto-loader";
import {
  Server,
  ServerCredentials,
  status,
  type ServerWritableStream,
  type ServiceDefinition,
} from "@grpc/grpc-js";
import { join } from "node:path";
import { root } from "../../world.js";
import type { Issued } from "./ca.js";

export interface State {
  svids?: { spiffe_id: string; x509_svid: Buffer; x509_svid_key: Buffer; bundle: Buffer }[];
  x509?: Record<string, Buffer>;
  jwt?: Record<string, Buffer>;
}

export interface Agent {
  readonly socket: string;
  /** Changes what is served, and tells whoever listens. */
  set(state: State): void;
  /** How many streams were opened. */
  opened(): number;
  /** Ends all streams with an error. */
  drop(): void;
  stop(): void;
}

type Stream = ServerWritableStream<object, object>;

export const svidOf = (spiffe_id: string, issued: Issued, ...intermediates: Issued[]) => ({
  spiffe_id,
  x509_svid: Buffer.concat([issued, ...intermediates].map(({ der }) => der)),
  x509_svid_key: issued.keyDer,
  bundle: Buffer.alloc(0),
});

export async function startAgent(socket: string, first: State = {}): Promise<Agent> {
  const file = join(root, "test/identify/spiffe/workload.proto");
  const definition = loadSync(file, { keepCase: true });
  const server = new Server();
  const streams = new Map<Stream, () => object | undefined>();
  let state = first;
  let opened = 0;
  const serve = (answer: () => object | undefined) => (call: Stream) => {
    opened += 1;
    // Workload Endpoint section 6.1
    if (call.metadata.get("workload.spiffe.io")[0] !== "true") {
      call.emit("error", { code: status.INVALID_ARGUMENT, details: "security header missing" });
      return;
    }
    const message = answer();
    if (message === undefined) {
      call.emit("error", { code: status.PERMISSION_DENIED, details: "no identity issued" });
      return;
    }
    streams.set(call, answer);
    call.on("cancelled", () => streams.delete(call));
    call.write(message);
  };
  server.addService(definition["SpiffeWorkloadAPI"] as unknown as ServiceDefinition, {
    FetchX509SVID: serve(() => (state.svids === undefined ? undefined : { svids: state.svids })),
    FetchX509Bundles: serve(() => (state.x509 === undefined ? undefined : { bundles: state.x509 })),
    FetchJWTBundles: serve(() => (state.jwt === undefined ? undefined : { bundles: state.jwt })),
  });
  await new Promise<void>((resolve, reject) => {
    server.bindAsync(`unix://${socket}`, ServerCredentials.createInsecure(), (error) => {
      if (error === null) resolve();
      else reject(error);
    });
  });
  const all = (act: (call: Stream, answer: () => object | undefined) => void): void => {
    for (const [call, answer] of streams) act(call, answer);
  };
  return {
    socket,
    opened: () => opened,
    set(next) {
      state = { ...state, ...next };
      all((call, answer) => {
        const message = answer();
        if (message !== undefined) call.write(message);
      });
    },
    drop() {
      all((call) => call.emit("error", { code: status.UNAVAILABLE, details: "restarting" }));
      streams.clear();
    },
    stop() {
      server.forceShutdown();
    },
  };
}
