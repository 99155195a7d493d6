import type { Members } from "./world.js";

const two = "https://two.test";

export interface DelegationCase {
  readonly name: string;
  /** Laid over a valid token's payload, whose subject is `sub-of-ann@acme.example`. */
  readonly payload: Members;
  readonly expect: string;
}

/** A chain of actors, from the one who calls down to the oldest. */
const act = (...ids: (string | Members)[]): Members => {
  const [first = "", ...rest] = ids;
  return {
    ...(typeof first === "string" ? { sub: first } : first),
    ...(rest.length > 0 ? { act: act(...rest) } : {}),
  };
};

export const delegationCases: readonly DelegationCase[] = [
  { name: "no actor", payload: {}, expect: "identified" },
  { name: "an actor without may_act", payload: { act: act("a") }, expect: "identified" },
  { name: "may_act without an actor", payload: { may_act: { sub: "a" } }, expect: "identified" },
  {
    name: "the actor that is allowed",
    payload: { act: act("a"), may_act: { sub: "a" } },
    expect: "identified",
  },
  {
    name: "the current of several actors",
    payload: { act: act("b", "a"), may_act: { sub: "b" } },
    expect: "identified",
  },
  {
    name: "allowed with the token's own issuer",
    payload: { act: act("a"), may_act: { sub: "a", iss: "https://issuer.test" } },
    expect: "identified",
  },
  {
    name: "allowed with another issuer",
    payload: { act: act({ sub: "a", iss: two }), may_act: { sub: "a", iss: two } },
    expect: "identified",
  },
  {
    name: "allowed with more that identifies",
    payload: { act: act({ sub: "a", client_id: "c" }), may_act: { sub: "a", client_id: "c" } },
    expect: "identified",
  },
  {
    name: "times in may_act",
    payload: { act: act("a"), may_act: { sub: "a", exp: 1 } },
    expect: "identified",
  },

  { name: "another actor", payload: { act: act("b"), may_act: { sub: "a" } }, expect: "actor_not_allowed" },
  {
    name: "the allowed one further back",
    payload: { act: act("b", "a"), may_act: { sub: "a" } },
    expect: "actor_not_allowed",
  },
  {
    name: "the allowed one of another issuer",
    payload: { act: act({ sub: "a", iss: two }), may_act: { sub: "a" } },
    expect: "actor_not_allowed",
  },
  {
    name: "one that begins alike",
    payload: { act: act("a2"), may_act: { sub: "a" } },
    expect: "actor_not_allowed",
  },
  {
    name: "another client",
    payload: { act: act({ sub: "a", client_id: "d" }), may_act: { sub: "a", client_id: "c" } },
    expect: "actor_not_allowed",
  },
  {
    name: "a client that isn't said",
    payload: { act: act("a"), may_act: { sub: "a", client_id: "c" } },
    expect: "actor_not_allowed",
  },
  {
    name: "a list of allowed actors",
    payload: { act: act("a"), may_act: { sub: ["a", "b"] } },
    expect: "actor_not_allowed",
  },
  {
    name: "may_act that allows nobody",
    payload: { act: act("a"), may_act: {} },
    expect: "actor_not_allowed",
  },
  {
    name: "may_act by something else than sub",
    payload: { act: act("a"), may_act: { email: "a@acme.example" } },
    expect: "actor_not_allowed",
  },
  { name: "may_act as text", payload: { act: act("a"), may_act: "a" }, expect: "token_claims" },
  { name: "may_act null", payload: { act: act("a"), may_act: null }, expect: "token_claims" },
  { name: "may_act as a list", payload: { act: act("a"), may_act: [{ sub: "a" }] }, expect: "token_claims" },

  { name: "an actor twice in a row", payload: { act: act("a", "a") }, expect: "actor_loop" },
  { name: "an actor again after another", payload: { act: act("a", "b", "a") }, expect: "actor_loop" },
  {
    name: "the subject as its own actor",
    payload: { act: act("sub-of-ann@acme.example") },
    expect: "actor_loop",
  },
  {
    name: "the subject again behind an actor",
    payload: { act: act("a", "sub-of-ann@acme.example") },
    expect: "actor_loop",
  },
  {
    name: "an actor again as another type",
    payload: { act: act({ sub: "a", type: "workload" }, "a") },
    expect: "actor_loop",
  },
  {
    name: "the same name of another issuer is another party",
    payload: { act: act({ sub: "a", iss: two }, "a") },
    expect: "identified",
  },
];
