/** Addresses and paths in spellings by which they get past a policy that compares text. */
import type { PathFacts } from "../../../../gateway/tools/arguments/paths.js";
import type { UrlFacts } from "../../../../gateway/tools/arguments/urls.js";

const web = (host: string, more: Partial<UrlFacts> = {}): Partial<UrlFacts> => ({
  ...{ scheme: "http", host, port: 80, ip: false, private: false, userinfo: false, odd: false },
  ...more,
});
const metadata = { ip: true, private: true };

/** Texts in which exactly one address is found. */
export const urlCases: readonly (readonly [text: string, facts: Partial<UrlFacts>])[] = [
  ["http://example.com/", web("example.com")],
  ["see http://example.com/a?b#c now", web("example.com")],
  ["HTTP://EXAMPLE.com:8080/", web("example.com", { port: 8080 })],
  ["https://example.com", web("example.com", { scheme: "https", port: 443 })],
  ["http://example.com./", web("example.com")],
  ["http://b\u00fccher.example/", web("xn--bcher-kva.example", { odd: true })],
  ["http://xn--bcher-kva.example/", web("xn--bcher-kva.example")],
  ["http://\uff45xample.com/", web("example.com", { odd: true })],
  ["http://ex\u00adample.com/", web("example.com", { odd: true })],
  ["http://example\u3002com/", web("example.com", { odd: true })],
  // the same address in all its forms
  ["http://169.254.169.254/latest/meta-data", web("169.254.169.254", metadata)],
  ["http://2852039166/", web("169.254.169.254", { ...metadata, odd: true })],
  ["http://0xa9fea9fe/", web("169.254.169.254", { ...metadata, odd: true })],
  ["http://0xa9.0xfe.0xa9.0xfe/", web("169.254.169.254", { ...metadata, odd: true })],
  ["http://0251.0376.0251.0376/", web("169.254.169.254", { ...metadata, odd: true })],
  ["http://169.254.43518/", web("169.254.169.254", { ...metadata, odd: true })],
  ["http://169.16689662/", web("169.254.169.254", { ...metadata, odd: true })],
  ["http://169.254.169.254./", web("169.254.169.254", metadata)],
  ["http://[::ffff:169.254.169.254]/", web("169.254.169.254", metadata)],
  ["http://[::ffff:a9fe:a9fe]/", web("169.254.169.254", metadata)],
  ["http://[0:0:0:0:0:ffff:a9fe:a9fe]/", web("169.254.169.254", metadata)],
  ["http://[64:ff9b::a9fe:a9fe]/", web("64:ff9b::a9fe:a9fe", metadata)],
  ["http://[2002:a9fe:a9fe::1]/", web("2002:a9fe:a9fe::1", metadata)],
  ["http://[fd00:ec2::254]/", web("fd00:ec2::254", metadata)],
  ["http://\u2460\u2461\u2466.0.0.1/", web("127.0.0.1", { ...metadata, odd: true })],
  ["http://169.254.169.254%2f@example.com/", web("example.com", { userinfo: true })],
  ["http://metadata.google.internal/", web("metadata.google.internal", { private: true })],
  ["http://127.0.0.1/", web("127.0.0.1", metadata)],
  ["http://127.1/", web("127.0.0.1", { ...metadata, odd: true })],
  ["http://0/", web("0.0.0.0", { ...metadata, odd: true })],
  ["http://017700000001/", web("127.0.0.1", { ...metadata, odd: true })],
  ["http://[::1]:9200/", web("::1", { ...metadata, port: 9200 })],
  ["http://[::]/", web("::", metadata)],
  ["http://[::127.0.0.1]/", web("::7f00:1", metadata)],
  ["http://[fe80::1]/", web("fe80::1", metadata)],
  ["http://localhost:6379/", web("localhost", { private: true, port: 6379 })],
  ["http://LOCALHOST/", web("localhost", { private: true })],
  ["http://a.localhost/", web("a.localhost", { private: true })],
  ["http://127.0.0.1.nip.io/", web("127.0.0.1.nip.io", { private: true })],
  ["http://intranet/", web("intranet", { private: true })],
  ["http://10.0.0.1/", web("10.0.0.1", metadata)],
  ["http://172.31.0.1/", web("172.31.0.1", metadata)],
  ["http://172.32.0.1/", web("172.32.0.1", { ip: true })],
  ["http://192.168.1.1/", web("192.168.1.1", metadata)],
  ["http://100.64.0.1/", web("100.64.0.1", metadata)],
  ["http://168.63.129.16/", web("168.63.129.16", metadata)],
  ["http://8.8.8.8/", web("8.8.8.8", { ip: true })],
  // who is who
  ["http://example.com@evil.example/", web("evil.example", { userinfo: true })],
  ["http://example.com:80@evil.example/", web("evil.example", { userinfo: true })],
  ["http://a@b@evil.example/", web("evil.example", { userinfo: true, odd: true })],
  ["http://evil.example\\@example.com/", web("evil.example", { odd: true })],
  ["http:\\\\evil.example/", web("evil.example", { odd: true })],
  ["http:evil.example/", web("evil.example", { odd: true })],
  ["http:/evil.example/", web("evil.example", { odd: true })],
  ["http:///evil.example/", web("evil.example", { odd: true })],
  ["http://ev%69l.example/", web("evil.example", { odd: true })],
  // other schemes
  ["gopher://127.0.0.1:6379/_x", web("127.0.0.1", { ...metadata, scheme: "gopher", port: 6379 })],
  ["redis://10.0.0.1", web("10.0.0.1", { ...metadata, scheme: "redis", port: 6379 })],
  ["ftp://2130706433/", web("127.0.0.1", { ...metadata, scheme: "ftp", port: 21, odd: true })],
  [
    "postgres://u:p@db.internal/x",
    web("db.internal", { scheme: "postgres", port: 5432, private: true, userinfo: true }),
  ],
  ["javascript:alert(1)", { scheme: "javascript", private: false }],
  ["data:text/html,x", { scheme: "data", private: false }],
  ["file:///etc/passwd", { scheme: "file", private: true }],
  ["file://evil.example/x", { scheme: "file", host: "evil.example", private: true }],
  ["jar:http://127.0.0.1!/x", web("127.0.0.1", { ...metadata, odd: true })],
  // without a scheme, all of the text
  ["127.0.0.1:8080", { scheme: "", host: "127.0.0.1", port: 8080, private: true }],
  ["localhost", { scheme: "", host: "localhost", private: true }],
  ["0x7f000001", { scheme: "", host: "127.0.0.1", private: true, odd: true }],
  ["[::1]:22", { scheme: "", host: "::1", port: 22, private: true }],
];

/** Texts in which no address is found. */
export const noUrls: readonly string[] = [
  "a: b",
  "12:30",
  "note: http is fine",
  "C:\\x",
  "key:value",
  "1.2.3",
  "std::vector",
];

/** What is found in an argument that the configuration says is an address. */
export const mappedUrlCases: readonly (readonly [text: string, facts: Partial<UrlFacts> | undefined])[] = [
  ["//evil.example/x", { scheme: "", host: "evil.example" }],
  ["\\\\evil.example\\x", { scheme: "", host: "evil.example", odd: true }],
  ["evil.example/x", { scheme: "", host: "evil.example" }],
  ["evil.example:8443", { scheme: "", host: "evil.example", port: 8443 }],
  ["2130706433", { scheme: "", host: "127.0.0.1", private: true, odd: true }],
  [" http://evil.example/", { scheme: "http", host: "evil.example" }],
  ["ht\ntp://evil.example/", { scheme: "http", host: "evil.example", odd: true }],
  ["/only/a/path", undefined],
];

const at = (path: string, more: Partial<PathFacts> = {}): Partial<PathFacts> => ({
  ...{ path, absolute: path.startsWith("/"), traversal: false, escapes: false, home: false, odd: false },
  ...more,
});
const up = { traversal: true, escapes: true };

export const pathCases: readonly (readonly [text: string, facts: Partial<PathFacts>])[] = [
  ["/etc/passwd", at("/etc/passwd", { root: "/etc" })],
  ["/srv/./a//b", at("/srv/a/b", { odd: true })],
  ["/srv/a/../../etc/passwd", at("/etc/passwd", { traversal: true, root: "/etc" })],
  ["/../../etc", at("/etc", up)],
  ["a/b.txt", at("a/b.txt")],
  ["./a", at("a")],
  ["a/../b", at("b", { traversal: true })],
  ["../a", at("../a", up)],
  ["a/../../b", at("../b", up)],
  ["..", at("..", up)],
  ["..\\..\\windows", at("../../windows", { ...up, odd: true })],
  ["%2e%2e/a", at("../a", { ...up, odd: true })],
  ["%2e%2e%2fa", at("../a", { ...up, odd: true })],
  ["..%2fa", at("../a", { ...up, odd: true })],
  ["%252e%252e%252fa", at("../a", { ...up, odd: true })],
  ["..%c0%afa", at("../a", { ...up, odd: true })],
  ["%c0%ae%c0%ae/a", at("../a", { ...up, odd: true })],
  ["..%5ca", at("../a", { ...up, odd: true })],
  ["\uff0e\uff0e/a", at("../a", { ...up, odd: true })],
  ["..\u2215a", at("../a", { ...up, odd: true })],
  [".\u200b./a", at("../a", { ...up, odd: true })],
  [".. /a", at("../a", { ...up })],
  [".../a", at("../a", { ...up })],
  ["/srv/a\u0000.png", at("/srv/a", { odd: true })],
  ["/srv/a%00.png", at("/srv/a", { odd: true })],
  ["~/.ssh/id_rsa", at("~/.ssh/id_rsa", { home: true })],
  ["~root/.ssh", at("~root/.ssh", { home: true })],
  ["$HOME/.ssh", at("$HOME/.ssh", { home: true })],
  ["C:\\Windows\\System32", at("C:/Windows/System32", { absolute: true, odd: true, root: "C:" })],
  ["c:/windows/../x", at("C:/x", { absolute: true, traversal: true, odd: true, root: "C:" })],
  ["\\\\host\\share\\x", at("//host/share/x", { odd: true, root: "//host" })],
  ["file:///etc/passwd", at("/etc/passwd", { root: "/etc" })],
  ["file:/etc/passwd", at("/etc/passwd", { root: "/etc" })],
  ["file://localhost/etc/passwd", at("/etc/passwd", { root: "/etc" })],
  ["FILE:///etc/%70asswd", at("/etc/passwd", { odd: true })],
  ["file:///C:/Windows", at("C:/Windows", { absolute: true, odd: true, root: "C:" })],
  ["/etc/passwd ", at("/etc/passwd ", { odd: true })],
  ["a.txt::$DATA", at("a.txt::$DATA", { odd: true })],
  ["", at(".")],
];

/** Texts that aren't mapped, and whether they are taken for paths. */
export const looksCases: readonly (readonly [text: string, is: boolean])[] = [
  ["/etc/passwd", true],
  ["../x", true],
  ["a/../b", true],
  ["~/.ssh", true],
  ["C:\\x", true],
  ["file:///x", true],
  ["%2e%2e%2fx", true],
  ["\\\\host\\x", true],
  ["report.pdf", false],
  ["and/or", false],
  ["/", false],
  ["...and so on", false],
  ["a sentence with a/../b in it", false],
  ["https://x.example/a", false],
];
