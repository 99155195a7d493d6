/** Signatures by AWS's published vectors: aws-sig-v4-test-suite, as kept in awslabs/aws-c-auth. */
import { Readable } from "node:stream";
import { expect, test } from "@jest/globals";
import { createReadAwsFile } from "../../../gateway/upstreams/aws-file.js";
import type { AwsConfig } from "../../../gateway/upstreams/upstream.js";
import { createSignAws } from "../../../gateway/upstreams/sign-aws.js";

const token = "6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267";
const vectors = [
  {
    name: "get-vanilla",
    path: "/",
    signature: "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
  },
  {
    name: "post-vanilla",
    method: "POST",
    path: "/",
    signature: "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
  },
  {
    name: "get-vanilla-query-order-key-case",
    path: "/?Param2=value2&Param1=value1",
    signature: "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
  },
  {
    name: "get-utf8",
    path: "/ሴ",
    signature: "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85",
  },
  {
    name: "get-space-normalized",
    path: "/example space/",
    signature: "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741",
  },
  {
    name: "get-vanilla-with-session-token",
    path: "/",
    token,
    signature: "07ec1639c89043aa0e3e2de82b96708f198cceab042d4a97044c66dd9f74e7f8",
  },
];

test.each(vectors)("$name", async ({ method = "GET", path, token: session, signature }) => {
  const signAws = createSignAws({
    read: (source) => ("value" in source ? source.value : ""),
    readFile: createReadAwsFile(),
    now: () => Date.parse("2015-08-30T12:36:00Z"),
  });
  const config: AwsConfig = {
    ...{ kind: "aws", id: "key", region: "us-east-1", service: "service" },
    keys: {
      kind: "sources",
      accessKeyId: { id: "a", value: "AKIDEXAMPLE" },
      secretAccessKey: { id: "s", value: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY" },
      ...(session === undefined ? {} : { sessionToken: { id: "t", value: session } }),
    },
  };
  const request = { method, path, host: "example.amazonaws.com", body: undefined };
  const { headers, secrets } = await signAws(config, request);
  const signed = session === undefined ? "host;x-amz-date" : "host;x-amz-date;x-amz-security-token";
  expect(headers).toEqual({
    authorization: `AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=${signed}, Signature=${signature}`,
    "x-amz-date": "20150830T123600Z",
    ...(session === undefined ? {} : { "x-amz-security-token": session }),
  });
  expect(secrets).toContain("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");
});

test("a body that streams isn't signed, and so isn't sent", async () => {
  const signAws = createSignAws({ read: () => "x", readFile: createReadAwsFile(), now: Date.now });
  const source = { id: "a", value: "x" };
  const config: AwsConfig = {
    ...{ kind: "aws", id: "key", region: "us-east-1", service: "service" },
    keys: { kind: "sources", accessKeyId: source, secretAccessKey: source },
  };
  const request = { method: "POST", path: "/", host: "h", body: Readable.from(["x"]) };
  await expect(signAws(config, request)).rejects.toThrow(/can't be signed/);
});
