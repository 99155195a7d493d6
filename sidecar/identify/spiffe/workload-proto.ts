/**
 * The part of the SPIFFE Workload API that is used, as protobuf descriptors.
 * Source: `workload.proto` of the SPIFFE Workload API specification; a test compares the two on the wire.
 */
import { fromJSON } from "@grpc/proto-loader";
import type { MethodDefinition } from "@grpc/proto-loader";

const streamOf = (requestType: string, responseType: string) => ({
  ...{ requestType, responseType },
  responseStream: true,
  comment: "",
});
/** A map of trust domains' SPIFFE ids to bytes. */
const bundlesAt = (id: number) => ({ keyType: "string", type: "bytes", id });

const definition = fromJSON(
  {
    nested: {
      SpiffeWorkloadAPI: {
        methods: {
          FetchX509SVID: streamOf("X509SVIDRequest", "X509SVIDResponse"),
          FetchX509Bundles: streamOf("X509BundlesRequest", "X509BundlesResponse"),
          FetchJWTBundles: streamOf("JWTBundlesRequest", "JWTBundlesResponse"),
        },
      },
      X509SVIDRequest: { fields: {} },
      X509SVIDResponse: {
        fields: {
          svids: { rule: "repeated", type: "X509SVID", id: 1 },
          crl: { rule: "repeated", type: "bytes", id: 2 },
          federated_bundles: bundlesAt(3),
        },
      },
      X509SVID: {
        fields: {
          spiffe_id: { type: "string", id: 1 },
          x509_svid: { type: "bytes", id: 2 },
          x509_svid_key: { type: "bytes", id: 3 },
          bundle: { type: "bytes", id: 4 },
          hint: { type: "string", id: 5 },
        },
      },
      X509BundlesRequest: { fields: {} },
      X509BundlesResponse: {
        fields: {
          crl: { rule: "repeated", type: "bytes", id: 1 },
          bundles: bundlesAt(2),
        },
      },
      JWTBundlesRequest: { fields: {} },
      JWTBundlesResponse: { fields: { bundles: bundlesAt(1) } },
    },
  },
  { keepCase: true, defaults: true },
);

export interface X509SvidMessage {
  readonly svids: readonly {
    readonly spiffe_id: string;
    readonly x509_svid: Buffer;
    readonly x509_svid_key: Buffer;
  }[];
}
export interface BundlesMessage {
  readonly bundles: Readonly<Record<string, Buffer>>;
}

export type StreamName = "FetchX509SVID" | "FetchX509Bundles" | "FetchJWTBundles";

/** Gives the path and the codecs of a method. */
export function methodOf(name: StreamName): MethodDefinition<object, object> {
  const service = definition["SpiffeWorkloadAPI"] as Record<string, MethodDefinition<object, object>>;
  const method = service[name];
  if (method === undefined) throw new TypeError(`no method ${name}`);
  return method;
}
