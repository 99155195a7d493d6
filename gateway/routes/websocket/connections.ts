/** The live connections of a gateway, so that one can be ended when what allowed it no longer holds. */
export interface Connection {
  readonly decisionId: string;
  readonly subject: { readonly type: string; readonly id: string; readonly tenant: string };
  readonly route: string;
  /** Ends it with a WebSocket close code and a reason of at most 123 bytes. */
  end(code: number, reason: string): void;
}

/** Whose connections are meant; all that is given must fit. */
export interface Whose {
  readonly decisionId?: string;
  readonly subject?: { readonly id: string; readonly tenant: string; readonly type?: string };
  readonly route?: string;
}

export interface Connections {
  /** Notes a connection; gives what forgets it. */
  add(connection: Connection): () => void;
  /** How many a route has. */
  count(route: string): number;
  /** Ends those that are meant (code 1008, `revoked`); gives how many they were. `{}` means all. */
  end(whose: Whose): number;
  /** Ends all, because the gateway stops (code 1001). */
  close(): void;
}

/** Creates the register of live connections. */
export function createConnections(): Connections {
  const open = new Set<Connection>();
  const fits = (one: Connection, { decisionId, subject, route }: Whose): boolean =>
    (decisionId === undefined || one.decisionId === decisionId) &&
    (route === undefined || one.route === route) &&
    (subject === undefined ||
      (one.subject.id === subject.id &&
        one.subject.tenant === subject.tenant &&
        (subject.type === undefined || one.subject.type === subject.type)));
  return {
    add(connection) {
      open.add(connection);
      return () => open.delete(connection);
    },
    count: (route) => [...open].filter((one) => one.route === route).length,
    end(whose) {
      const meant = [...open].filter((one) => fits(one, whose));
      for (const one of meant) {
        open.delete(one);
        one.end(1008, "revoked");
      }
      return meant.length;
    },
    close() {
      for (const one of open) one.end(1001, "the gateway stops");
    },
  };
}
