import { proofLine, pubkeyLine } from "../../src/core/announcement.ts";
import { makeChallenge } from "../../src/core/challenge.ts";
import { Secret } from "../../src/core/secret.ts";
import { type AgeKey, parseIdentityFile } from "../../src/cli/age-key.ts";
import { type Call, Network } from "../../src/server/network.ts";
import { SigningKey } from "../../src/server/signing-key.ts";
import { startWorld, type World } from "../world/index.ts";

export const serverUrl = "https://github.com";
export const roleArn = "arn:aws:iam::123456789012:role/app-deploy";
export const now = Date.parse("2026-08-01T12:00:00Z");
export const signer = new SigningKey(new Secret("a signing key of 32 characters or more"));

/** The same in each process, so that an input found in one fails in another. */
export const key = keyOf(
  "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX",
);

export const binding = {
  serverUrl,
  repository: "acme/app",
  runId: 5_001,
  runAttempt: 1,
  publicKey: key.publicKey,
};
const made = makeChallenge(signer, binding, now, "AbCdEfGhIjKlMnOp");
export const { ticket } = made;
export const announcement = { publicKey: key.publicKey, challenge: made.challenge };
export const line = proofLine(key.publicKey, made.challenge);
export const audience = `https://broker.example.com#${key.publicKey}`;

/** What GitHub and its issuer say of the golden case, each as the text that comes over the wire. */
export interface Honest {
  page: string;
  pageForStrangers: string;
  steps: string;
  feed: string;
  log: string;
  run: string;
  jobs: string;
  branch: string;
  tags: string;
  annotatedTag: string;
  comparison: string;
  issuer: string;
  keys: string;
  token: string;
  claims: string;
  /** Signs other claims. */
  sign: World["issuer"]["sign"];
}

export async function askHonestly(): Promise<Honest> {
  const world = await startWorld({ now: () => now });
  try {
    return await answersOf(world);
  } finally {
    await world.close();
  }
}

async function answersOf({ github, issuer }: World): Promise<Honest> {
  const { repository, run, job, step } = github.golden();
  // So that strangers see a page as well.
  repository.private = false;
  github.addStep(job, { name: 'Set up <job> & "co"' });
  const tagged = github.push(repository, "main", "fourth");
  repository.tags.set("v1", github.push(repository, "v1-object", "a tag object"));
  repository.tags.set("v2", tagged);
  repository.tagObjects.set(repository.tags.get("v1") ?? "", tagged);
  github.stepHeader(job, step, { script: "actions2aws request", env: { BODY: "two\nlines" } });
  github.say(job, step, `${pubkeyLine(key.publicKey)}\n${line}\nthanks\n`);

  const cookie = `user_session=${github.session.cookie}`;
  const web = (path: string, headers = { cookie }): Promise<string> =>
    text(github.webUrl + path, { ...headers, accept: "application/json, text/html" });
  const rest = (path: string): Promise<string> =>
    text(`${github.apiUrl}/repos/acme/app/${path}`, { authorization: `Bearer ${github.token}` });
  const runPath = `/acme/app/actions/runs/${run.id}`;
  const stepsPath = `${runPath}/jobs/${job.internalId}/steps`;
  const claims = issuer.claims(job, audience);
  return {
    page: await web(`${runPath}/job/${job.id}`),
    pageForStrangers: await web(`${runPath}/job/${job.id}`, { cookie: "" }),
    steps: await web(`${stepsPath}?change_id=0`),
    feed: await web(`${stepsPath}/${step.uuid}/backscroll`),
    log: step.log,
    run: await rest(`actions/runs/${run.id}`),
    jobs: await rest(`actions/runs/${run.id}/attempts/1/jobs`),
    branch: await rest("git/ref/heads/main"),
    tags: await rest("git/matching-refs/tags/v"),
    annotatedTag: await rest(`git/tags/${repository.tags.get("v1")}`),
    comparison: await rest(`compare/${tagged}...${run.headSha}`),
    issuer: issuer.url,
    keys: await text(`${issuer.url}/.well-known/jwks`),
    token: issuer.sign(claims),
    claims: JSON.stringify(claims),
    sign: issuer.sign.bind(issuer),
  };
}

async function text(url: string, headers: Record<string, string> = {}): Promise<string> {
  const answer = await fetch(url, { headers });
  if (!answer.ok) throw new Error(`the simulator answered ${answer.status} to ${url}`);
  return answer.text();
}

/** A network on which each address answers as it is told. */
export class ScriptedNetwork extends Network {
  readonly #answer: (url: URL) => string | Buffer;
  /** The paths that were asked for. */
  readonly asked: URL[] = [];

  constructor(answer: (url: URL) => string | Buffer) {
    super();
    this.#answer = answer;
  }

  override call({ url }: Call): ReturnType<Network["call"]> {
    const asked = new URL(url);
    this.asked.push(asked);
    return Promise.resolve({ status: 200, headers: {}, body: this.#answer(asked).toString() });
  }
}

function keyOf(identity: string): AgeKey {
  const parsed = parseIdentityFile(identity);
  if (parsed === null) throw new Error("not an identity");
  return parsed;
}
