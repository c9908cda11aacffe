/** What goes over the wire, made up, for the OpenAPI document. */

const publicKey = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p";
const challengeText = "c1.tix4jg.3mfrJ0zJ5Cq2Vwqj.Xk6hV1m0Tq7Wb2cP9sYzQA";
const run = { repository: "acme/shop", run_id: 19284650173, run_attempt: 1 };
const requestId = "0f7c0c1e-6a0b-4b7e-9d35-0c5b4a1f2e3d";
const ageFile =
  "-----BEGIN AGE ENCRYPTED FILE-----\nYWdlLWVuY3J5…\n-----END AGE ENCRYPTED FILE-----\n";

export const challengeRequest = {
  ...run,
  public_key: publicKey,
  job: { runner_name: "GitHub Actions 1000004217" },
  ref: "refs/heads/main",
};

export const challenge = {
  challenge: challengeText,
  ticket: ageFile,
  expires_at: "2026-11-20T09:19:31.000Z",
};

export const credentialRequest = {
  ...run,
  job: { id: 55138250077 },
  step: "assume role",
  role: "arn:aws:iam::123456789012:role/shop-deploy",
  duration_seconds: 900,
  public_key: publicKey,
  ticket: `${challengeText}.vJ8nq0R3d5mTt1uYw9kE2g`,
};

export const credentials = {
  credentials: ageFile,
  expiration: "2026-11-20T09:29:33Z",
  grant: "shop-deploy",
  renewal_after: "2026-11-20T09:24:33.000Z",
  request_id: requestId,
};

export const renewalRequest = { renewal_token: "r1.eyJyZXBvc2l0b3J5Ijoi….Yt5cN0b8Qm4Zr7Lk1wVx3A" };

export const legacyRequest = {
  Repo: "acme/shop",
  RunId: "19284650173",
  JobName: "release / deploy (production)",
  StepName: "generate keys",
  RoleARN: "arn:aws:iam::123456789012:role/shop-deploy",
};

export const problemRequestId = requestId;

/** Fields that a refusal with this code can name. */
export const problemFields: Readonly<Record<string, readonly string[]>> = {
  fork: ["forks"],
  no_grant: ["ref", "event"],
  ref_ambiguous: ["ref"],
  role_not_granted: ["role"],
};
