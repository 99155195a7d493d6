/** The refusals of who can't be identified: part of {@link errorTable}. */
export const identityErrors = {
  unauthenticated: [401, "no credentials were presented", "send Authorization: Bearer <token>"],
  token_malformed: [401, "the token is not a well-formed JWT", "send a signed JWT access token"],
  token_algorithm: [
    401,
    "the token's algorithm is not accepted for its issuer",
    "sign with an algorithm that the issuer's configuration lists",
  ],
  token_issuer: [401, "the token's issuer is not configured", "add the issuer under identity.issuers"],
  token_audience: [401, "the token is for another audience", "request a token for this audience"],
  token_expired: [401, "the token has expired", "get a new token"],
  token_not_yet_valid: [401, "the token is not valid yet", "check the clocks"],
  token_signature: [
    401,
    "the token's signature does not verify",
    "use a token signed by the issuer's current key",
  ],
  token_key_unknown: [401, "the token's key is not among the issuer's keys", "check the issuer's key set"],
  token_type: [401, "the token is not an access token", "send an access token, not an ID token"],
  token_claims: [
    401,
    "the token lacks a claim that its issuer's configuration requires",
    "check the issuer's claim mapping",
  ],
  token_tenant: [
    401,
    "the issuer may not speak for the token's tenant",
    "list the tenant under the issuer's tenants",
  ],
  token_trust_domain: [
    401,
    "the issuer may not speak for the trust domain of an id in the token",
    "list the trust domain under the issuer's trust_domains",
  ],
  token_inactive: [401, "the token is not active, as its authorization server says", "get a new token"],
  groups_unavailable: [
    503,
    "the token leaves the subject's groups out, and they could not be asked for",
    "configure groups_overage for the issuer, or try again later",
  ],
  token_lifetime: [
    401,
    "the token lives longer than its issuer's configuration allows",
    "get a shorter-lived token, or raise max_lifetime_seconds",
  ],
  token_binding: [
    401,
    "the token is bound to a key whose possession was not proved",
    "present it with its DPoP proof, or over mTLS with its certificate",
  ],
  forwarded_certificate_untrusted: [
    401,
    "a forwarded client certificate is believed only from a configured proxy's own socket",
    "remove the header x-forwarded-client-cert, or configure the proxy",
  ],
  certificate_malformed: [
    401,
    "the client certificate is not a well-formed X.509 certificate",
    "send at most 8 certificates of strict DER, the leaf first",
  ],
  certificate_identity: [
    401,
    "the client certificate does not name exactly one workload by its SPIFFE id",
    "issue it with one URI name, spiffe://<trust domain>/<path>",
  ],
  certificate_usage: [
    401,
    "the client certificate is not for authenticating a client",
    "issue it as a leaf for digitalSignature and clientAuth",
  ],
  certificate_untrusted: [
    401,
    "no CA of the certificate's trust domain vouches for it",
    "send the whole chain up to a CA in the trust domain's bundle",
  ],
  certificate_expired: [
    401,
    "the client certificate, or one that vouches for it, has expired",
    "get a new certificate",
  ],
  certificate_not_yet_valid: [
    401,
    "the client certificate, or one that vouches for it, is not valid yet",
    "check the clocks",
  ],
  trust_domain_unknown: [
    401,
    "the SPIFFE trust domain is not configured",
    "add it under identity.spiffe.trust_domains",
  ],
  trust_bundle_unavailable: [
    503,
    "the trust domain's bundle could not be had",
    "check the source of the bundle",
  ],
  forwarded_certificate_malformed: [
    401,
    "the forwarded client certificate is not one well-formed element with Cert or Chain",
    "have the proxy forward one element, with its certificate",
  ],
  forwarded_certificate_mismatch: [
    401,
    "the forwarded client certificate is not the one that the proxy describes",
    "check what stands between the proxy and here",
  ],
  dpop_invalid: [
    401,
    "the DPoP proof does not hold",
    "make a new proof for each request, with this method, URL and access token",
  ],
  dpop_replayed: [
    401,
    "the DPoP proof was used before",
    "make a new proof, with a new jti, for each request",
  ],
  dpop_nonce_required: [
    401,
    "the DPoP proof lacks a current nonce",
    "put the value of the header DPoP-Nonce into the proof's nonce, and try again",
  ],
  proof_store_unavailable: [
    503,
    "it cannot be told whether the proof was used before",
    "try again later; check the store of identity.replay",
  ],
  workload_token_invalid: [
    401,
    "the workload identity token does not hold",
    "get a new token from the workload's identity server",
  ],
  workload_proof_invalid: [
    401,
    "the workload proof token does not hold",
    "make a new proof for each request, naming all tokens that it carries",
  ],
  workload_proof_replayed: [
    401,
    "the workload proof token was used before",
    "make a new proof, with a new jti, for each request",
  ],
  transaction_invalid: [
    401,
    "the transaction token lacks a claim, or one is not as it should be",
    "check the transaction token service",
  ],
  transaction_alone: [
    401,
    "a transaction token does not tell who presents it",
    "present it over mTLS, or with a workload identity token and its proof",
  ],
  actor_not_allowed: [
    401,
    "the token's subject did not allow this actor to act for it",
    "check may_act and act of the token",
  ],
  actor_loop: [401, "the token's chain of actors names a party twice", "check the nesting of act"],
  api_key_malformed: [
    401,
    "the API key is not of the right form, or mistyped",
    "send the whole key, as countersign keys create printed it",
  ],
  api_key_unknown: [401, "the API key is not known", "create one by countersign keys create"],
  api_key_expired: [401, "the API key has expired, or was rotated out", "use the key that replaced it"],
  api_key_revoked: [401, "the API key was revoked", "ask the operator for a new one"],
  api_keys_unavailable: [
    503,
    "the file of API keys cannot be read",
    "check the file of identity.api_keys and its mode",
  ],
  credentials_conflict: [
    401,
    "the credentials contradict each other",
    "present the credentials of one caller",
  ],
  credential_unsupported: [
    401,
    "this kind of credential is not accepted here",
    "configure it under identity, or present another",
  ],
  issuer_unavailable: [503, "the issuer's keys could not be fetched", "try again later"],
  pep_unauthenticated: [
    401,
    "only an authenticated enforcement point presents others' credentials or reports outcomes",
    "use the enforcement point's Unix socket, token or certificate; or ask with your own credentials, in headers",
  ],
} as const;
