/** What S3 says of its errors, and those who are compatible with it. Source: AWS, "Error responses" of Amazon S3. */
import { Buffer } from "node:buffer";
import type { Answered, Told } from "./answer.js";

const keys = "check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY";
const toldOf: Readonly<Record<string, Told>> = {
  SignatureDoesNotMatch: [
    "source_unauthorized",
    ` (SignatureDoesNotMatch): ${keys}, and that nothing on the way changes Host or the path`,
  ],
  InvalidAccessKeyId: ["source_unauthorized", ` (InvalidAccessKeyId): ${keys}`],
  RequestTimeTooSkewed: [
    "source_unauthorized",
    " (RequestTimeTooSkewed): this machine's clock is wrong by minutes; set it, e.g. by NTP",
  ],
  ExpiredToken: [
    "source_unauthorized",
    " (ExpiredToken): start the sidecar with a new AWS_SESSION_TOKEN and its keys",
  ],
  InvalidToken: ["source_unauthorized", " (InvalidToken): check AWS_SESSION_TOKEN"],
  AuthorizationHeaderMalformed: [
    "source_unauthorized",
    " (AuthorizationHeaderMalformed): check AWS_REGION; the bucket is in another one",
  ],
  AccessDenied: [
    "source_unauthorized",
    " (AccessDenied): grant s3:GetObject; without s3:ListBucket an object that isn't there says the same",
  ],
  NoSuchKey: ["source_not_found", " (NoSuchKey): check resource"],
  NoSuchBucket: ["source_not_found", " (NoSuchBucket): check services.url and resource"],
  PermanentRedirect: [
    "source_address",
    " (PermanentRedirect): give services.url of the bucket's own region, and AWS_REGION",
  ],
  SlowDown: ["source_status", " (SlowDown): raise polling.min_delay_seconds"],
};

/** Names an error by its code. INVARIANT: nothing of the answer is repeated but a code of this table. */
export function explainS3({ bytes }: Answered): Told | undefined {
  const text = Buffer.from(bytes.subarray(0, 4_096)).toString("latin1");
  const code = /<Code>([A-Za-z]{1,64})<\/Code>/.exec(text)?.[1] ?? "";
  return Object.hasOwn(toldOf, code) ? toldOf[code] : undefined;
}
