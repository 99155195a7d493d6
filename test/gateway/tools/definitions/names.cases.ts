/** Names that aren't offered, and names that look like others. */
export const refusedNames: readonly { readonly name: string; readonly tool: unknown }[] = [
  { name: "empty", tool: "" },
  { name: "no text", tool: 5 },
  { name: "too long", tool: "a".repeat(129) },
  { name: "with a blank", tool: "delete file" },
  { name: "with a line end", tool: "a\nb" },
  { name: "with a null", tool: "a\u0000b" },
  { name: "with a zero-width space", tool: "delete\u200b_file" },
  { name: "with a soft hyphen", tool: "delete\u00ad_file" },
  { name: "with tag characters", tool: "delete_file\u{e0041}" },
  { name: "from right to left", tool: "\u202eelif_eteled" },
  { name: "with a Cyrillic letter", tool: "dеlete_file" },
  { name: "in full width", tool: "ｄelete_file" },
  { name: "with a combining mark", tool: "delete_file\u0301" },
  { name: "in mathematical letters", tool: "𝐝elete" },
  { name: "with a comma", tool: "a,b" },
  { name: "with a quote", tool: 'a"b' },
  { name: "with a colon", tool: "a:b" },
  { name: "with markup", tool: "<important>" },
  { name: "up a folder", tool: "../delete" },
  { name: "up a folder, within", tool: "a/../b" },
  { name: "a point for a part", tool: "a/./b" },
  { name: "an empty part", tool: "a//b" },
  { name: "a slash at the end", tool: "a/" },
  { name: "a slash at the beginning", tool: "/a" },
  { name: "__proto__ in a path", tool: "a\\b" },
];

/** The second is listed after the first. */
export const lookAlikes: readonly {
  readonly name: string;
  readonly first: string;
  readonly second: string;
  readonly sameServer?: true;
}[] = [
  { name: "case", first: "delete_file", second: "Delete_File" },
  { name: "l for I", first: "delete_file", second: "deIete_file" },
  { name: "1 for l", first: "delete_file", second: "de1ete_file" },
  { name: "0 for o", first: "open_door", second: "0pen_d0or" },
  { name: "rn for m", first: "send_email", second: "send_ernail" },
  { name: "vv for w", first: "write_file", second: "vvrite_file" },
  { name: "i for l, and case", first: "list_all", second: "LIST_AIL" },
  { name: "a hyphen for an underscore", first: "read_file", second: "read-file", sameServer: true },
  { name: "a point for an underscore", first: "read_file", second: "read.file", sameServer: true },
  { name: "no underscore", first: "read_file", second: "readfile", sameServer: true },
];

export const different: readonly {
  readonly name: string;
  readonly first: string;
  readonly second: string;
}[] = [
  { name: "of one name, at two servers", first: "search", second: "search" },
  { name: "of one verb", first: "read_file", second: "read_files" },
  { name: "with other separators, at two servers", first: "read_file", second: "read-file" },
  { name: "of numbers", first: "step_2", second: "step_3" },
];
