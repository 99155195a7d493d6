/** Finds out whether a form that a tool server made asks for what nobody should type into it. */
import type { Json } from "../../../sidecar/contract.js";
import { isObject } from "../../../sidecar/contract.js";
import { latinOf } from "../definitions/names/name.js";

/** Compared with {@link plain} text. */
const words =
  /passw|passphrase|passcode|pass ?word|\bpwd\b|secret|credential|api ?key|access ?key|private ?key|signing ?key|token|bearer|cookie|session ?id|\botp\b|one ?time (?:code|pass)|verification code|security code|2fa|\bmfa\b|\bpin\b|\bcvv\b|\bcvc\b|card ?number|credit ?card|\biban\b|\bssn\b|social security|seed ?phrase|recovery ?(?:phrase|code|key)|mnemonic|kennwort|passwort|mot de passe|contrasena|senha|palavra passe|parola|\bhasło|\bhaslo|\bheslo|jelszo|wachtwoord|losenord|passord|adgangskode|salasana|\bgeslo\b|lozinka|\bsifre|mat khau|kata sandi|slaptazodis/;

/** Words in other scripts, compared with the text as it is, but for its form. */
const foreignWords =
  /парол|секрет|пин код|密码|密碼|口令|验证码|驗證碼|パスワード|暗証|合言葉|비밀번호|암호|인증번호|كلمة المرور|كلمة السر|סיסמ|รหัสผ่าน|पासवर्ड|κωδικ|συνθηματικ/u;

/** What can't be seen: formats, controls, fillers. */
const unseen = /[\p{Cf}\p{Cc}\u034F\u115F\u1160\u3164\uFFA0]/gu;

/** Into how many signs a sign is taken apart in any language, in the long run. */
const mostGrown = 4;

/** Digits and signs that stand for letters. */
const signs: Readonly<Record<string, string>> = {
  ...{ "0": "o", "1": "i", "3": "e", "4": "a", "5": "s", "7": "t", "@": "a", $: "s" },
};

/** Tells whether a text, in whatever disguise that people read through, asks for a secret. */
export function asksForSecret(texts: readonly string[]): boolean {
  return texts.some((text) => {
    const seen = text.replace(/[\t\n\v\f\r]/g, " ").replace(unseen, "");
    // signs that stand for whole sentences: no form needs many, and each costs as much as its sentence
    if (seen.normalize("NFKD").length > mostGrown * seen.length + 64) return true;
    const plainly = plain(seen);
    const spelled = plainly.replace(/[013457@$]/g, (sign) => signs[sign] ?? sign);
    return (
      words.test(plainly) ||
      words.test(spelled) ||
      words.test(joined(spelled)) ||
      foreignWords.test(seen.normalize("NFKC").replace(separators, " ").toLowerCase())
    );
  });
}

/** Gives all texts within a value. */
export function textsIn(value: Json | undefined): string[] {
  if (typeof value === "string") return [value];
  if (Array.isArray(value)) return value.flatMap(textsIn);
  return isObject(value) ? Object.values(value).flatMap(textsIn) : [];
}

const separators = /[_\-./\s]+/g;

/** Words as an eye reads them: letters that look like Latin ones as those, without marks, in small letters. */
function plain(text: string): string {
  return text
    .normalize("NFKD")
    .replace(/\p{M}/gu, "")
    .replace(/\p{L}/gu, (letter) => latinOf(letter) ?? letter)
    .replace(separators, " ")
    .replace(/([a-z])([A-Z])/g, "$1 $2")
    .toLowerCase();
}

/** Letters that stand alone, put together. */
function joined(text: string): string {
  return text.replace(/(?<![\p{L}\d])(\p{L}) (?=\p{L}(?![\p{L}\d]))/gu, "$1");
}
