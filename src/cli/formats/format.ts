import type { Credentials } from "../credentials.ts";
import type { Variables } from "../variables.ts";
import { dotenv } from "./dotenv.ts";
import { githubFile } from "./github-file.ts";
import { credentialProcess, json } from "./json.ts";
import { powershell, powershellFailure } from "./powershell.ts";
import { shell, shellFailure } from "./shell.ts";

export interface Given {
  readonly credentials: Credentials;
  readonly variables: Variables;
}

/** How the credentials are handed on. */
export interface Format {
  /** Where the text goes: our stdout, or the file that a variable of the runner's names. */
  readonly to: "stdout" | "GITHUB_ENV" | "GITHUB_OUTPUT";
  render(given: Given): string;
  /** What stdout must say when there are no credentials. */
  readonly failure: string;
  /** Whether it ends up in variables, which an AWS profile may overrule. */
  readonly setsVariables: boolean;
}

const stdout = { to: "stdout", failure: "", setsVariables: true } as const;
const file = {
  failure: "",
  setsVariables: true,
  render: ({ variables }: Given) => githubFile(variables),
} as const;

export const formats = {
  shell: { ...stdout, render: ({ variables }) => shell(variables), failure: shellFailure },
  "github-env": { ...file, to: "GITHUB_ENV" },
  "github-output": { ...file, to: "GITHUB_OUTPUT", setsVariables: false },
  json: { ...stdout, render: ({ variables }) => json(variables), setsVariables: false },
  "credential-process": {
    ...stdout,
    render: ({ credentials }) => credentialProcess(credentials),
    setsVariables: false,
  },
  dotenv: { ...stdout, render: ({ variables }) => dotenv(variables) },
  powershell: {
    ...stdout,
    render: ({ variables }) => powershell(variables),
    failure: powershellFailure,
  },
} satisfies Record<string, Format>;

export type FormatName = keyof typeof formats;

export const formatNames = Object.keys(formats) as FormatName[];

export function isFormatName(text: string): text is FormatName {
  return Object.hasOwn(formats, text);
}
