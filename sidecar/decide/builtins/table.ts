/** Who serves each of OPA's built-ins. Names as in OPA 1.22's capabilities; `countersign capabilities` prints it. */

export type ServedBy =
  /** OPA's C code in the policy's module itself. */
  | "wasm"
  /** Compiled away: nothing is left to serve. */
  | "compiler"
  /** Node, where its result is OPA's to the byte: `builtins/node.ts`. */
  | "node"
  /** OPA's own Go code as WASM, loaded when the first bundle needs it: `builtins/go.ts`. */
  | "go"
  /** The sidecar's clock, log and configuration. */
  | "host"
  /** The network, for the hosts that the configuration lists. */
  | "network";

const wasm = `
  abs all and any array.concat array.flatten array.reverse array.slice base64.decode base64.encode
  base64.is_valid base64url.decode base64url.encode bits.and bits.lsh bits.negate bits.or bits.rsh
  bits.xor ceil concat contains count div endswith equal floor format_int glob.match
  graph.reachable gt gte indexof internal.member_2 internal.member_3 internal.template_string
  intersection is_array is_boolean is_null is_number is_object is_set is_string json.filter
  json.is_valid json.marshal json.remove json.unmarshal lower lt lte max min minus mul neq
  net.cidr_contains net.cidr_intersects net.cidr_overlap numbers.range object.filter object.get
  object.keys object.remove object.union object.union_n or plus product re_match
  regex.find_all_string_submatch_n regex.is_valid regex.match rem replace round set_diff sort split
  startswith strings.replace_n strings.reverse substring sum to_number trim trim_left trim_prefix
  trim_right trim_space trim_suffix type_name union upper walk
`;

const compiler = "assign eq print rego.metadata.chain rego.metadata.rule internal.test_case";

const host = "internal.print trace opa.runtime";

const network = "http.send net.lookup_ip_addr";

const node = `
`;

const go = `
  base64url.encode_no_pad cast_array cast_boolean cast_null cast_object cast_set cast_string
  crypto.hmac.equal crypto.hmac.md5 crypto.hmac.sha1 crypto.hmac.sha256 crypto.hmac.sha512
  crypto.md5 crypto.parse_private_keys crypto.sha1 crypto.sha256
  crypto.x509.parse_and_verify_certificates crypto.x509.parse_and_verify_certificates_with_options
  crypto.x509.parse_certificate_request crypto.x509.parse_certificates crypto.x509.parse_keypair
  crypto.x509.parse_rsa_private_key glob.quote_meta graph.reachable_paths graphql.is_valid
  graphql.parse graphql.parse_and_verify graphql.parse_query graphql.parse_schema
  graphql.schema_is_valid hex.decode hex.encode indexof_n io.jwt.decode io.jwt.decode_verify
  io.jwt.encode_sign io.jwt.encode_sign_raw io.jwt.verify_eddsa io.jwt.verify_es256
  io.jwt.verify_es384 io.jwt.verify_es512 io.jwt.verify_hs256 io.jwt.verify_hs384
  io.jwt.verify_hs512 io.jwt.verify_ps256 io.jwt.verify_ps384 io.jwt.verify_ps512
  io.jwt.verify_rs256 io.jwt.verify_rs384 io.jwt.verify_rs512 json.marshal_with_options
  json.match_schema json.patch json.verify_schema net.cidr_contains_matches net.cidr_expand
  net.cidr_is_valid net.cidr_merge numbers.range_step object.subset providers.aws.sign_req
  rand.intn regex.find_n regex.globs_match regex.replace regex.split regex.template_match
  rego.parse_module semver.compare semver.is_valid sprintf strings.any_prefix_match
  strings.any_suffix_match strings.count strings.render_template strings.split_n time.add_date
  time.clock time.date time.diff time.format time.now_ns time.parse_duration_ns time.parse_ns
  time.parse_rfc3339_ns time.weekday units.parse units.parse_bytes uri.is_valid uri.parse
  urlquery.decode urlquery.decode_object urlquery.encode urlquery.encode_object uuid.parse
  uuid.rfc4122 yaml.is_valid yaml.marshal yaml.unmarshal
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
