/** Who serves each of OPA's built-ins. Names as in OPA 1.22's capabilities; `countersign capabilities` prints it. */

export type ServedBy =
  /** OPA's C code in the policy's module itself, where its results are those of OPA's Go code. */
  | "wasm"
  /** Compiled away: nothing is left to serve. */
  | "compiler"
  /** Node, with OPA's result to the byte: `builtins/node.ts`, and `builtins/instead` for what the C code gets wrong. */
  | "node"
  /** OPA's own Go code as WASM, loaded when the first bundle needs it: `builtins/go.ts`. */
  | "go"
  /** The sidecar's clock, log and configuration. */
  | "host"
  /** The network, for the hosts that the configuration lists. */
  | "network";

const wasm = `
  all and any array.concat array.flatten array.reverse array.slice base64.encode base64url.encode
  ceil contains count endswith equal floor glob.match graph.reachable gt gte internal.member_2
  internal.member_3 intersection is_array is_boolean is_null is_number is_object is_set is_string
  lower lt lte max min neq net.cidr_intersects numbers.range object.filter object.get object.keys
  object.remove object.union or re_match regex.find_all_string_submatch_n regex.is_valid
  regex.match round set_diff sort split startswith strings.replace_n strings.reverse substring
  to_number trim trim_left trim_prefix trim_right trim_space trim_suffix type_name union upper walk
`;

const compiler = "assign eq print rego.metadata.chain rego.metadata.rule internal.test_case";

const host = "internal.print trace opa.runtime";

const network = "http.send net.lookup_ip_addr";

const node = `
  abs base64.decode base64.is_valid base64url.decode base64url.encode_no_pad bits.and bits.lsh
  bits.negate bits.or bits.rsh bits.xor cast_array cast_boolean cast_null cast_object cast_set
  cast_string concat crypto.hmac.equal crypto.hmac.md5 crypto.hmac.sha1 crypto.hmac.sha256
  crypto.hmac.sha512 crypto.md5 crypto.sha1 crypto.sha256 div format_int glob.quote_meta
  graph.reachable_paths hex.decode hex.encode indexof indexof_n internal.template_string
  json.filter json.is_valid json.marshal json.marshal_with_options json.remove json.unmarshal minus
  mul net.cidr_contains net.cidr_contains_matches net.cidr_expand net.cidr_is_valid
  net.cidr_overlap numbers.range_step object.subset object.union_n plus product rand.intn rem
  replace semver.compare semver.is_valid sprintf strings.any_prefix_match strings.any_suffix_match
  strings.count strings.split_n sum time.add_date time.clock time.date time.diff time.now_ns
  time.parse_duration_ns time.parse_rfc3339_ns time.weekday units.parse units.parse_bytes
  uri.is_valid uri.parse urlquery.decode urlquery.decode_object urlquery.encode
  urlquery.encode_object uuid.parse uuid.rfc4122
`;

const go = `
  crypto.parse_private_keys crypto.x509.parse_and_verify_certificates
  crypto.x509.parse_and_verify_certificates_with_options crypto.x509.parse_certificate_request
  crypto.x509.parse_certificates crypto.x509.parse_keypair crypto.x509.parse_rsa_private_key
  graphql.is_valid graphql.parse graphql.parse_and_verify graphql.parse_query graphql.parse_schema
  graphql.schema_is_valid io.jwt.decode io.jwt.decode_verify io.jwt.encode_sign
  io.jwt.encode_sign_raw io.jwt.verify_eddsa io.jwt.verify_es256 io.jwt.verify_es384
  io.jwt.verify_es512 io.jwt.verify_hs256 io.jwt.verify_hs384 io.jwt.verify_hs512
  io.jwt.verify_ps256 io.jwt.verify_ps384 io.jwt.verify_ps512 io.jwt.verify_rs256
  io.jwt.verify_rs384 io.jwt.verify_rs512 json.match_schema json.patch json.verify_schema
  net.cidr_merge providers.aws.sign_req regex.find_n regex.globs_match regex.replace regex.split
  regex.template_match rego.parse_module strings.render_template time.format time.parse_ns
  yaml.is_valid yaml.marshal yaml.unmarshal
`;

/** By the built-in's name. */
export const servedBy: ReadonlyMap<string, ServedBy> = new Map(
  Object.entries({ wasm, compiler, node, go, host, network }).flatMap(([by, names]) =>
    names
      .trim()
      .split(/\s+/)
      .filter((name) => name !== "")
      .map((name) => [name, by as ServedBy] as const),
  ),
);
