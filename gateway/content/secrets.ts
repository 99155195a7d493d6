/** Credentials by the forms that their issuers gave them. Sources: each issuer's documentation of its token formats. */
import { crc32 } from "node:zlib";
import type { Pattern } from "./pattern.js";

/** A kind whose form begins with fixed letters. */
const token = (kind: string, hints: readonly string[], form: RegExp): Pattern => ({ kind, form, hints });

const base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/** Whether a key of ours, whatever its prefix, ends in its checksum: CRC-32 in base 62. */
function isOwnKey(key: string): boolean {
  let rest = crc32(key.slice(0, -6));
  let checksum = "";
  for (let i = 0; i < 6; i++) {
    checksum = (base62[rest % 62] ?? "") + checksum;
    rest = Math.floor(rest / 62);
  }
  return key.endsWith(checksum);
}

/** What tells an invented value from a secret: few different characters, or words that stand for one. */
function looksRandom(value: string): boolean {
  return (
    new Set(value).size >= Math.min(8, value.length / 2) &&
    !/example|changeme|placeholder|your[-_]|xxxx|\*{3}|\.{3}|<|\$\{|\{\{/i.test(value)
  );
}

export const secretPatterns: readonly Pattern[] = [
  token("aws_key", ["akia", "asia"], /(?<![A-Za-z0-9])(?:AKIA|ASIA)[A-Z2-7]{16}(?![A-Za-z0-9])/g),
  {
    kind: "aws_key",
    form: /(?<![A-Za-z0-9/+])(?=[A-Za-z0-9/+]{40})(?<=aws.{0,20}secret.{0,20}[:=]["' ]{0,3})[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=])/gi,
    hints: ["secret"],
  },
  token("github_token", ["gh"], /(?<!\w)gh[pousr]_[A-Za-z0-9]{36,255}(?!\w)/g),
  token("github_token", ["github_pat_"], /(?<!\w)github_pat_\w{60,255}(?!\w)/g),
  token("gitlab_token", ["gl"], /(?<![\w-])gl(?:pat|dt|rt|ptt)-[\w-]{20,64}(?![\w-])/g),
  token("slack_token", ["xox", "xapp-"], /(?<![\w-])(?:xox[abeoprs]|xapp)-\d[A-Za-z0-9-]{20,250}(?![\w-])/g),
  token(
    "slack_token",
    ["hooks.slack.com"],
    /hooks\.slack\.com\/(?:services|workflows)\/[A-Za-z0-9/_]{20,100}/g,
  ),
  token("anthropic_key", ["sk-ant-"], /(?<![\w-])sk-ant-[a-z]{2,8}\d{2}-[\w-]{60,200}(?![\w-])/g),
  token("openai_key", ["sk-"], /(?<![\w-])sk-(?:proj|svcacct|admin)-[\w-]{40,250}(?![\w-])/g),
  token("openai_key", ["sk-"], /(?<![\w-])sk-[A-Za-z0-9]{32,64}(?![\w-])/g),
  token("google_key", ["aiza"], /(?<![\w-])AIza[\w-]{35}(?![\w-])/g),
  token("google_key", ["ya29.", "gocspx-"], /(?<![\w-])(?:ya29\.[\w-]{30,300}|GOCSPX-[\w-]{28})(?![\w-])/g),
  token(
    "azure_key",
    ["accountkey=", "sharedaccesskey="],
    /(?<=(?:AccountKey|SharedAccessKey)=)[A-Za-z0-9+/]{43,86}={1,2}/g,
  ),
  token(
    "stripe_key",
    ["_live_", "_test_", "whsec_"],
    /(?<!\w)(?:[rs]k_(?:live|test)_[A-Za-z0-9]{20,128}|whsec_[A-Za-z0-9+/]{24,64})(?!\w)/g,
  ),
  token("npm_token", ["npm_"], /(?<!\w)npm_[A-Za-z0-9]{36}(?!\w)/g),
  token("huggingface_token", ["hf_"], /(?<!\w)hf_[A-Za-z0-9]{30,40}(?!\w)/g),
  token("sendgrid_key", ["sg."], /(?<![\w.-])SG\.[\w-]{22}\.[\w-]{43}(?![\w-])/g),
  // the form of our own keys: `<prefix>_<id>_<secret><checksum>` (sidecar/identify/api-keys/format.ts)
  {
    kind: "countersign_key",
    form: /(?<!\w)(?=\w{64,95}(?!\w))[a-z][a-z0-9_]{0,31}_[A-Za-z0-9]{12}_[A-Za-z0-9]{49}(?!\w)/g,
    hints: ["_"],
    check: (text, start, end) => (isOwnKey(text.slice(start, end)) ? end : undefined),
  },
  token("jwt", ["eyj"], /(?<![\w.-])eyJ[\w-]{10,4096}\.eyJ[\w-]{10,8192}\.[\w-]{20,1024}(?![\w-])/g),
  {
    kind: "private_key",
    // all of it where it is whole; else what is there
    form: /-----BEGIN (?:[A-Z0-9]{1,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----(?:(?:\\[nr]|\s){1,4}[A-Za-z-]{3,20}: [^\r\n\\]{1,80}){0,4}(?:(?:\\[nr]|\s){0,4}[A-Za-z0-9+/=]{40,128}){0,128}(?:(?:\\[nr]|\s){0,4}[A-Za-z0-9+/=]{0,39}(?:\\[nr]|\s){0,4}-----END (?:[A-Z0-9]{1,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----)?/g,
    hints: ["private key"],
  },
  {
    kind: "password",
    // in the address of a service
    form: /(?<=\b[a-z][a-z0-9+.-]{1,20}:\/\/[^\s:@/"']{0,64}:)[^\s:@/"'`]{3,128}(?=@[\w.-])/gi,
    hints: ["://"],
    check: (text, start, end) =>
      /^(?:\$\{|\{\{|<|\*{3}|\.{3})/.test(text.slice(start, end)) ? undefined : end,
  },
  {
    kind: "password",
    form: /(?<=(?:password|passwd|pwd|passphrase|api[_-]?key|secret(?:[_-]?key)?|access[_-]?token|auth[_-]?token)["']?\s{0,3}[:=]\s{0,3}["'])[^"'\s]{8,128}(?=["'])/gi,
    hints: ["passw", "pwd", "passphrase", "api", "secret", "token"],
    check: (text, start, end) => (looksRandom(text.slice(start, end)) ? end : undefined),
  },
  {
    kind: "password",
    // without quotes, as in .env files: a value that no code would be
    form: /(?<=^[ \t]{0,8}(?:export )?[A-Z_]{0,40}(?:PASSWORD|PASSWD|SECRET|TOKEN|API_KEY|SECRET_KEY)=)[^\s"'$<{(]{8,128}$/gm,
    hints: ["password=", "passwd=", "secret=", "token=", "key="],
    check: (text, start, end) => (looksRandom(text.slice(start, end)) ? end : undefined),
  },
];
