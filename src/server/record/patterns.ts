/**
 * What looks like a secret. In each pattern the last group is the secret, and the first, if there are
 * two, is what tells it, which stays. No pattern reaches beyond its line.
 */
export interface SecretPattern {
  /** What it is called where its removal is told; part of the text that takes its place. */
  readonly what: string;
  readonly find: RegExp;
}

/** Between a name and its value: quotes, escaped or not, a sign, blanks and colours. */
const sign = String.raw`(?:\\?["'\x60]|\x1b\[[0-9;]*m|\s)*(?::|=>?)(?:\\?["'\x60]|\x1b\[[0-9;]*m|\s)*`;
/** Where a word begins; a colour ends in a letter. */
const start = String.raw`(?:(?<![A-Za-z0-9])|(?<=\x1b\[[0-9;]{0,20}m))`;
/** A value that is none: masked, a variable, a placeholder, or removed already. */
const real = String.raw`(?!\*\*\*|\$|<|\[removed)`;
/** The rest of a header, up to the quote, the colour or the line's end. */
const rest = String.raw`[^"'\x60\\\x1b\r\n]+`;

const schemes = "bearer|basic|token|digest|negotiate|aws4-hmac-sha256";
const signedParameters =
  "sig|signature|x-amz-(?:signature|credential|security-token)|x-goog-(?:signature|credential)|awsaccesskeyid|access_token|token|jwt";

const otherServices = [
  "xox[abeprs]-[A-Za-z0-9-]{10,}",
  "npm_[A-Za-z0-9]{36}",
  "glpat-[\\w-]{20,}",
  "AIza[\\w-]{35}",
  "[prs]k_live_[A-Za-z0-9]{16,}",
  "pypi-[\\w-]{50,}",
  "dckr_pat_[\\w-]{20,}",
  "hf_[A-Za-z0-9]{30,}",
  "sk-[A-Za-z0-9][\\w-]{30,}",
];

/** In this order: what names a secret comes before what only looks like one. */
export const secretPatterns: readonly SecretPattern[] = [
  {
    what: "authorization header",
    find: new RegExp(
      `(${start}(?:proxy-)?authorization${sign})(${real}(?:(?:${schemes})\\s+${real}${rest}|[^\\s"'\\\\\\x1b]{16,}))`,
      "gi",
    ),
  },
  {
    what: "cookie",
    find: new RegExp(`(${start}(?:set-)?cookie${sign})(${real}(?=[\\w.-]{1,100}=)${rest})`, "gi"),
  },
  {
    what: "GitHub session",
    find: new RegExp(
      `(${start}(?:__Host-)?(?:user_session(?:_same_site)?|_gh_sess)=)(${real}[^;,\\s"'\\\\\\x1b]{8,})`,
      "g",
    ),
  },
  {
    what: "password in a URL",
    find: new RegExp(
      `(${start}[a-z][a-z0-9+.-]{1,20}://[^\\s/:@"'<>]*:)(${real}[^\\s/@"'<>\\x1b]+)(?=@)`,
      "gi",
    ),
  },
  {
    what: "signature of a URL",
    find: new RegExp(
      `((?:[?&;]|\\\\u0026)(?:${signedParameters})=)(${real}[^&;\\s"'<>\\\\\\x1b]+)`,
      "gi",
    ),
  },
  { what: "age secret key", find: /(AGE-(?:SECRET-KEY|PLUGIN)-[A-Z0-9-]{0,40}1[0-9A-Z]{16,})/gi },
  {
    what: "GitHub token",
    find: /((?:gh[oprsu]_|github_pat_)[A-Za-z0-9_]{16,255}(?:\.[\w-]{8,}){0,2})/g,
  },
  { what: "JWT", find: /(eyJ[\w-]{8,1000}(?:\.[\w-]*){2,4})/g },
  {
    what: "AWS access key id",
    find: new RegExp(`(${start}(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}(?![A-Za-z0-9]))`, "g"),
  },
  {
    what: "AWS session token",
    find: /((?:IQoJb3JpZ2lu|F[wQ]oGZXIvYXdz|F[wQ]oDYXdz)[A-Za-z0-9/+=%]{40,})/g,
  },
  {
    what: "AWS session token",
    find: new RegExp(
      `((?:session|security)[_-]?token${sign})(${real}[A-Za-z0-9/+=%_-]{40,})`,
      "gi",
    ),
  },
  {
    what: "AWS secret access key",
    find: new RegExp(`(secret[_-]?(?:access[_-]?)?key${sign})(${real}[A-Za-z0-9/+=]{30,})`, "gi"),
  },
  {
    what: "token of another service",
    find: new RegExp(`(${start}(?:${otherServices.join("|")}))`, "g"),
  },
];

/** Forty characters of a kind that hashes are not: what stands near an AWS key id like that is its secret. */
export const besideKeyId: SecretPattern = {
  what: "AWS secret access key",
  find: /((?:(?<![\w/+=.-])|(?<=\x1b\[[0-9;]{0,20}m))(?=[A-Za-z0-9/+]{0,39}[A-Z])(?=[A-Za-z0-9/+]{0,39}[a-z])(?=[A-Za-z0-9/+]{0,39}[0-9/+])[A-Za-z0-9/+]{40}(?![\w/+-]))/g,
};

export const keyBegins = /-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----/;
export const keyEnds = /-----END (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----/;
/** A line inside of a PEM file. */
export const keyLine = /^[A-Za-z0-9+/=\s|>"',\\]*$|^\s*(?:Proc-Type|DEK-Info|Comment|Version): /;

/** Names of JSON members whose value is a secret, whatever it looks like. */
export const secretMember =
  /^(?:temp_clone_token|(?:.*_)?(?:token|secret|password)|authorization|cookie)$/i;

/** `Name <address>`, as Git writes who made a commit. */
export const authorAddress = /(?<=\S <)[^\s<>@"]{1,64}@[^\s<>@"]{1,255}\.[A-Za-z]{2,24}(?=>)/g;

/** Addresses that are nobody's, or that GitHub shows to everybody. */
export const publicAddress =
  /(?:@|\.)(?:example\.(?:com|net|org)|example|invalid|test|localhost|noreply\.github\.com)$|^noreply@github\.com$/i;
