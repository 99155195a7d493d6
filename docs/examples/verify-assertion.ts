// npm install jose
import { createRemoteJWKSet, jwtVerify } from "jose";

const env = process.env;
const keys = createRemoteJWKSet(
  new URL(env["JWKS_URL"] ?? "https://gateway.example.com/.well-known/jwks.json"),
);

/** Gives the claims of the header `x-countersign-assertion`; throws where it doesn't hold. */
export async function verifyAssertion(assertion: string) {
  const { payload } = await jwtVerify(assertion, keys, {
    issuer: env["ISSUER"] ?? "https://countersign.example.com",
    audience: env["AUDIENCE"] ?? "https://files.internal",
    algorithms: ["ES256", "EdDSA"],
    typ: "countersign-assertion+jwt",
    requiredClaims: ["exp", "nbf", "iat", "sub"],
    clockTolerance: 5,
  });
  return payload;
}

if (process.argv[2] !== undefined) console.log(JSON.stringify(await verifyAssertion(process.argv[2])));
