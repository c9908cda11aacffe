import type { OpenTarget } from "../target.ts";
import {
  openChallengeBody,
  openCredentialBody,
  openLegacyBody,
  openRenewalBody,
  openSignedTokens,
} from "./bodies.ts";
import {
  openAgeFile,
  openBrokerAnswer,
  openCredentialCache,
  openCredentials,
  openIdentityFile,
} from "./client.ts";
import { openConfig } from "./config.ts";
import { openForwardedFor, openRetryAfter } from "./headers.ts";
import { openLiveItems, openSteps, openStoredLog } from "./job-log.ts";
import { openJobPage, openStepName } from "./job-page.ts";
import { openClaims, openKeys, openToken } from "./oidc.ts";
import { openJobs, openRefs, openRun } from "./rest.ts";

/** Every parser of what others send, by the name that `npm run fuzz` knows it by. */
export const targets: Readonly<Record<string, OpenTarget>> = {
  "job-page": openJobPage,
  "step-name": openStepName,
  steps: openSteps,
  "live-items": openLiveItems,
  "stored-log": openStoredLog,
  run: openRun,
  jobs: openJobs,
  refs: openRefs,
  "oidc-token": openToken,
  "oidc-claims": openClaims,
  "oidc-keys": openKeys,
  config: openConfig,
  "challenge-body": openChallengeBody,
  "credential-body": openCredentialBody,
  "renewal-body": openRenewalBody,
  "legacy-body": openLegacyBody,
  "signed-tokens": openSignedTokens,
  "forwarded-for": openForwardedFor,
  "retry-after": openRetryAfter,
  "broker-answer": openBrokerAnswer,
  "age-file": openAgeFile,
  credentials: openCredentials,
  "identity-file": openIdentityFile,
  "credential-cache": openCredentialCache,
};
