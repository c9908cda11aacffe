import { request as send } from "undici";
import type { Answer, Request } from "../world/answer.ts";
import { Service } from "../world/service.ts";
import { assumeRoleParameters, type AssumeRoleParameters } from "../world/sts/parameters.ts";
import { errorAnswer, StsError } from "../world/sts/xml.ts";

/** Credentials as moto made them, and when AWS would end them. */
export interface Issued {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string;
  /** Milliseconds since 1970. */
  readonly endsAt: number;
}

/** What the journal says of a call besides the usual. */
export interface AwsNote {
  /** `sts`, `dynamodb`, `secretsmanager`, by what the signature was made for. */
  readonly service: string;
  readonly action: string;
  readonly callerKeyId: string;
  /** AssumeRole's parameters: moto keeps neither session tags nor how long a session should last. */
  readonly assumed?: AssumeRoleParameters;
  readonly issued?: Issued;
}

/**
 * AWS as moto has it, and before it what moto's STS leaves out: sessions end, and those that a session
 * asks for last an hour at most. Requests pass as they came, so that moto checks who signed them.
 */
export class AwsFront extends Service<AwsNote> {
  /** When a session ends, in place of what was asked for: so soon that tools see it happen. */
  lifeMs: number | undefined;
  readonly #ends = new Map<string, number>();

  constructor(moto: string) {
    super({ name: "aws", now: Date.now, handle: (request) => this.#handle(moto, request) });
  }

  get assumed(): AssumeRoleParameters[] {
    return this.journal.flatMap(({ note }) => note?.assumed ?? []);
  }

  get issued(): Issued[] {
    return this.journal.flatMap(({ note }) => note?.issued ?? []);
  }

  /** The keys with which somebody asked who he is. */
  get callers(): string[] {
    return this.journal.flatMap(({ note }) =>
      note?.action === "GetCallerIdentity" ? note.callerKeyId : [],
    );
  }

  /** When a session ends that was not made here. */
  end(accessKeyId: string, at: number): void {
    this.#ends.set(accessKeyId, at);
  }

  async #handle(moto: string, request: Request): Promise<Answer<AwsNote>> {
    const note = noteOf(request);
    const refusal = this.#refusalOf(note);
    if (refusal) return { ...errorAnswer(refusal), note };
    const answer = await passOn(moto, request);
    if (note.action !== "AssumeRole" || answer.status !== 200) return { ...answer, note };
    return this.#withEnd(answer, note);
  }

  #refusalOf({ service, callerKeyId, assumed }: AwsNote): StsError | null {
    if (service === "sts" && Date.now() > (this.#ends.get(callerKeyId) ?? Infinity))
      return new StsError(
        403,
        "ExpiredToken",
        "The security token included in the request is expired",
      );
    if (callerKeyId.startsWith("ASIA") && (assumed?.durationSeconds ?? 0) > 3_600)
      return new StsError(
        400,
        "ValidationError",
        "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.",
      );
    return null;
  }

  #withEnd(answer: Answer & { body: string }, note: AwsNote): Answer<AwsNote> {
    const valueOf = (name: string): string =>
      new RegExp(`<${name}>([^<]+)</${name}>`).exec(answer.body)?.[1] ?? "";
    const endsAt =
      this.lifeMs === undefined ? Date.parse(valueOf("Expiration")) : Date.now() + this.lifeMs;
    const issued = {
      accessKeyId: valueOf("AccessKeyId"),
      secretAccessKey: valueOf("SecretAccessKey"),
      sessionToken: valueOf("SessionToken"),
      endsAt,
    };
    this.#ends.set(issued.accessKeyId, endsAt);
    const expiration = new Date(endsAt).toISOString();
    const body = answer.body.replace(valueOf("Expiration"), expiration);
    return { ...answer, body, note: { ...note, issued } };
  }
}

function noteOf({ body, headers }: Request): AwsNote {
  const [, callerKeyId = "", service = ""] =
    /Credential=([^/]+)\/\d+\/[^/]+\/([^/]+)\//.exec(headers.authorization ?? "") ?? [];
  const form = new URLSearchParams(body);
  const target = String(headers["x-amz-target"] ?? "");
  const action = target.split(".").at(-1) || (form.get("Action") ?? "");
  const assumed = action === "AssumeRole" ? { assumed: assumeRoleParameters(form) } : {};
  return { service, action, callerKeyId, ...assumed };
}

async function passOn(moto: string, request: Request): Promise<Answer & { body: string }> {
  const { connection: _, ...headers } = request.headers;
  const { method, path } = request;
  const answer = await send(moto + path, { method: method as "POST", headers, body: request.body });
  const type = String(answer.headers["content-type"] ?? "text/xml");
  return {
    status: answer.statusCode,
    headers: { "content-type": type },
    body: await answer.body.text(),
  };
}
