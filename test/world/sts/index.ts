import type { Answer, Request } from "../answer.ts";
import type { Handle } from "../fault.ts";
import { Rules } from "../rules.ts";
import { Service } from "../service.ts";
import { canaryCredentials, type Credentials } from "./canary.ts";
import { checkRole, checkSession, packedPercentage } from "./checks.ts";
import { checkConstraints } from "./constraints.ts";
import { assumeRoleParameters, type AssumeRoleParameters } from "./parameters.ts";
import type { Role, Settings } from "./settings.ts";
import { errorAnswer, resultAnswer, StsError } from "./xml.ts";

/** What the journal of STS says of a request besides the usual. */
export interface StsNote {
  readonly action: string;
  /** Who signed the request. */
  readonly callerKeyId: string;
  /** AssumeRole's, decoded. */
  readonly parameters?: AssumeRoleParameters;
  /** What it gave; absent when it refused. */
  readonly issued?: Credentials;
  /** The error's code when it refused. */
  readonly refused?: string;
}

/** AWS STS: AssumeRole and GetCallerIdentity in the query protocol, with the real one's checks and error texts. */
export class SimulatedSts extends Service<StsNote> implements Settings {
  readonly roles = new Map<string, Role>();
  anyRole = true;
  maxSessionDuration = 43_200;
  chained = false;
  readonly inheritedTagKeys = new Set<string>();
  packedLimit = 4_096;
  callerArn = "arn:aws:sts::111122223333:assumed-role/broker/i-0123456789abcdef0";
  readonly #refusals = new Rules<{ error: StsError; times?: number }>();

  constructor(now: () => number, latency = 0) {
    super({
      name: "sts",
      now,
      latency,
      handle: (request) => this.#handle(request, now()),
      errorAnswer: (status) =>
        errorAnswer(
          new StsError(
            status,
            status >= 500 ? "ServiceUnavailable" : "AccessDenied",
            "refused on demand",
          ),
        ),
    });
  }

  /** The parameters of the AssumeRole calls that came, served or not. */
  get assumed(): AssumeRoleParameters[] {
    return this.journal.flatMap(({ note }) => note?.parameters ?? []);
  }

  /** The credentials that it gave. */
  get issued(): Credentials[] {
    return this.journal.flatMap(({ note }) => note?.issued ?? []);
  }

  /** Refuses with a code of AWS's: `Throttling`, `ExpiredToken`, `AccessDenied`, `InternalFailure` … */
  refuse(code: keyof typeof refusals, times?: number): Handle {
    const { status, message } = refusals[code];
    return this.#refusals.add({
      error: new StsError(status, code, message),
      ...(times === undefined ? {} : { times }),
    });
  }

  #handle(request: Request, now: number): Answer<StsNote> {
    const form = new URLSearchParams(request.body === "" ? request.query : request.body);
    const action = form.get("Action") ?? "";
    const [, callerKeyId = ""] =
      /^AWS4-HMAC-SHA256 Credential=([^/]+)\//.exec(request.headers.authorization ?? "") ?? [];
    const note: StsNote = {
      action,
      callerKeyId,
      ...(action === "AssumeRole" ? { parameters: assumeRoleParameters(form) } : {}),
    };
    try {
      const refusal = this.#refusals.take(request);
      if (refusal !== undefined) throw refusal.rule.error;
      return this.#act(note, now);
    } catch (error) {
      if (!(error instanceof StsError)) throw error;
      return { ...errorAnswer(error), note: { ...note, refused: error.code } };
    }
  }

  #act(note: StsNote, now: number): Answer<StsNote> {
    if (note.callerKeyId === "")
      throw new StsError(
        403,
        "MissingAuthenticationToken",
        "Request is missing Authentication Token",
      );
    if (note.action === "GetCallerIdentity") return { ...this.#callerIdentity(), note };
    if (note.parameters === undefined)
      throw new StsError(
        400,
        "InvalidAction",
        `Could not find operation ${note.action} for version 2011-06-15`,
      );
    const asked = note.parameters;
    checkConstraints(asked);
    checkSession(asked, this);
    checkRole(asked, this);
    const issued = canaryCredentials(now + (asked.durationSeconds ?? 3_600) * 1_000);
    return { ...this.#assumedRole(asked, issued), note: { ...note, issued } };
  }

  #assumedRole(asked: AssumeRoleParameters, issued: Credentials): Answer {
    const [, account = "", role = ""] =
      /^arn:[^:]+:iam::(\d*):role\/(?:.*\/)?([^/]+)$/.exec(asked.roleArn) ?? [];
    return resultAnswer(
      "AssumeRole",
      `    <AssumedRoleUser>
      <AssumedRoleId>AROACANARYROLE000000:${asked.roleSessionName}</AssumedRoleId>
      <Arn>arn:aws:sts::${account}:assumed-role/${role}/${asked.roleSessionName}</Arn>
    </AssumedRoleUser>
    <Credentials>
      <AccessKeyId>${issued.accessKeyId}</AccessKeyId>
      <SecretAccessKey>${issued.secretAccessKey}</SecretAccessKey>
      <SessionToken>${issued.sessionToken}</SessionToken>
      <Expiration>${issued.expiration}</Expiration>
    </Credentials>
    <PackedPolicySize>${packedPercentage(asked, this)}</PackedPolicySize>`,
    );
  }

  #callerIdentity(): Answer {
    const account = this.callerArn.split(":")[4] ?? "";
    return resultAnswer(
      "GetCallerIdentity",
      `    <Arn>${this.callerArn}</Arn>\n    <UserId>AROACANARYBROKER0000:session</UserId>\n    <Account>${account}</Account>`,
    );
  }
}

const refusals = {
  Throttling: { status: 400, message: "Rate exceeded" },
  ExpiredToken: { status: 403, message: "The security token included in the request is expired" },
  InvalidClientTokenId: {
    status: 403,
    message: "The security token included in the request is invalid.",
  },
  AccessDenied: { status: 403, message: "User is not authorized to perform: sts:AssumeRole" },
  RegionDisabledException: {
    status: 403,
    message:
      "STS is not activated in this region for account:111122223333. Your account administrator can activate STS in this region using the IAM Console.",
  },
  InternalFailure: {
    status: 500,
    message: "The request processing has failed because of an unknown error, exception or failure.",
  },
  ServiceUnavailable: { status: 503, message: "Service Unavailable" },
} as const;
