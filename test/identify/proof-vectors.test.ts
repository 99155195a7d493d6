/** The examples of the specifications themselves, judged at the moment that they were made for. */
import { describe, expect, test } from "@jest/globals";
import { createDpop } from "../../sidecar/identify/proof/dpop.js";
import { createSignatureCheck } from "../../sidecar/identify/proof/proof-key.js";
import { createMemoryReplay } from "../../sidecar/identify/proof/replay.js";
import { createProofWorld } from "./proof-world.js";

describe("RFC 9449", () => {
  // section 7.1, figures 12 to 14, and section 6.1, figure 9
  const token = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU";
  const jkt = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I";
  const proof = [
    "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6Ik",
    "VDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCR",
    "nMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JE",
    "QSIsImNydiI6IlAtMjU2In19.eyJqdGkiOiJlMWozVl9iS2ljOC1MQUVCIiwiaHRtIj",
    "oiR0VUIiwiaHR1IjoiaHR0cHM6Ly9yZXNvdXJjZS5leGFtcGxlLm9yZy9wcm90ZWN0Z",
    "WRyZXNvdXJjZSIsImlhdCI6MTU2MjI2MjYxOCwiYXRoIjoiZlVIeU8ycjJaM0RaNTNF",
    "c05yV0JiMHhXWG9hTnk1OUlpS0NBcWtzbVFFbyJ9.2oW9RP35yRqzhrtNP86L-Ey71E",
    "OptxRimPPToA1plemAgR6pxHF8y6-yqyVnmcw6Fy1dqd-jfxSYoMxhAJpLjA",
  ].join("");
  const target = { method: "GET", url: "https://resource.example.org/protectedresource" };
  const now = (): number => 1562262618_000;
  const verify = createDpop({
    config: { algorithms: ["ES256"], max_age_seconds: 60, clock_skew_seconds: 10, nonce: false },
    signatures: createSignatureCheck(),
    replay: createMemoryReplay({ keepMs: 80_000, maxEntries: 100, now }),
    now,
  });

  test("its example of a protected resource request holds, once", async () => {
    expect(await verify(proof, token, target, { jkt })).toMatchObject({ kind: "verified", proves: { jkt } });
    expect(await verify(proof, token, target, { jkt })).toMatchObject({ code: "dpop_replayed" });
  });

  test("any change to a character of it refuses it", async () => {
    for (let i = 0; i < proof.length; i += 7) {
      const changed = proof.slice(0, i) + (proof[i] === "A" ? "B" : "A") + proof.slice(i + 1);
      expect(await verify(changed, token, target, { jkt })).toMatchObject({ kind: "refusal" });
    }
  });
});

test("draft-ietf-wimse-wpt: its example holds, once", async () => {
  const wit = [
    "eyJhbGciOiJFUzI1NiIsImtpZCI6Ikp1bmUgNSIsInR5cCI6IndpdCtqd3QifQ.eyJjb",
    "mYiOnsiandrIjp7ImFsZyI6IkVkRFNBIiwiY3J2IjoiRWQyNTUxOSIsImt0eSI6Ik9LU",
    "CIsIngiOiIxQ1hYdmZsTl9MVlZzSXNZWHNVdkIwM0ptbEdXZUNIcVFWdW91Q0Y5MmJnI",
    "n19LCJleHAiOjE3NDU1MTI1MTAsImlhdCI6MTc0NTUwODkxMCwianRpIjoieC1fMUNUT",
    "DJjY2EzQ1NFNGN3Yl9sIiwic3ViIjoid2ltc2U6Ly9leGFtcGxlLmNvbS9zcGVjaWZpY",
    "y13b3JrbG9hZCJ9.6KraSQUxWdl9dxFQ3Fj6dPY0Vi88OkwFwZpAIOhLeq6AbXAnLLQg",
    "Op8U9UDGcBuYF3KiNv6oKQD1ZWAzrMZOJw",
  ].join("");
  const wpt = [
    "eyJhbGciOiJFZERTQSIsInR5cCI6IndwdCtqd3QifQ.eyJhdGgiOiJDTDR3amZwUm1OZ",
    "i1iZFlJYllMblY5ZDVyTUFSR3dLWUUxMHdVd3pDMGpJIiwiYXVkIjoiaHR0cHM6Ly93b",
    "3JrbG9hZC5leGFtcGxlLmNvbS9wYXRoIiwiZXhwIjoxNzQ1NTEwMDE2LCJqdGkiOiJfX",
    "2J3YzRFU0MzYWNjMkxUQzEtX3giLCJ3dGgiOiJBYVlVZkMzNEQxZGkyRnhRTHBpSUpKN",
    "1NnOFZaNm84T0Nkd1NmOUlUb0xnIn0.PI7d9AcYhLoEgPgbJvcM132lkBKnM1NXU-5hZ",
    "UzVTIyj2dRJaTLFs6e5NYv5gg6AqcV7NvkYCwfgMgWasWQzCA",
  ].join("");
  const issuer = {
    ...{ kty: "EC", kid: "June 5", crv: "P-256" },
    x: "kXqnA2Op7hgd4zRMbw0iFcc_hDxUxhojxOFVGjE2gks",
    y: "n__VndPMR021-59UAs0b9qDTFT-EZtT6xSNs_xFskLo",
  };
  const domain = { name: "example.com", jwks: { keys: [issuer] }, algorithms: ["ES256"], tenants: ["acme"] };
  const world = createProofWorld({ wimse: { enabled: true, trust_domains: [domain] } }, 1745509950_000);
  const { workload } = world.proof.methods;
  const target = { method: "POST", url: "https://workload.example.com/path?query=1" };
  const beside = { access: "16_mAd0GiwaZokU26_0902100" };
  expect(await workload?.(wit, wpt, target, {})).toMatchObject({ code: "workload_proof_invalid" });
  expect(await workload?.(wit, wpt, target, beside)).toMatchObject({
    kind: "verified",
    workload: { id: "wimse://example.com/specific-workload", trustDomain: "example.com" },
    credential: { id: "x-_1CTL2cca3CSE4cwb_l" },
  });
  expect(await workload?.(wit, wpt, target, beside)).toMatchObject({ code: "workload_proof_replayed" });
});
