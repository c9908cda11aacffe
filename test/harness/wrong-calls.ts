import type { Call } from "./iam.ts";

/** The same call of AssumeRole, made by somebody or for something else. */
export type Spoil = (call: Call) => Call;

const without =
  (key: string): Spoil =>
  (call) => {
    const { [key]: _, ...tags } = call.tags;
    return { ...call, tags };
  };
const tagged =
  (tags: Call["tags"]): Spoil =>
  (call) => ({ ...call, tags: { ...call.tags, ...tags } });

/** What a role that trusts the broker for one repository must refuse, each with a name. */
export function wrongCalls(broker: string, repository: string): Record<string, Spoil> {
  const [owner = "", name = ""] = repository.split("/");
  const [, , , , account = ""] = broker.split(":");
  const by =
    (principal: string): Spoil =>
    (call) => ({ ...call, principal });
  const of =
    (externalId: string | undefined): Spoil =>
    (call) => ({ ...call, externalId });
  return {
    "another role of the account": by(broker.replace("broker", "admin")),
    "a role of that name in another account": by(broker.replace(account, "999999999999")),
    "no external id": of(undefined),
    "another external id": of(`${owner}/other`),
    "the external id in other case": of(`${owner.toUpperCase()}/${name}`),
    "no tags at all": (call) => ({ ...call, tags: {} }),
    "another repository's tag": tagged({ "github:repo": `${owner}/other` }),
    "a tag more than there should be": tagged({ team: "admin" }),
    "a tag of GitHub's that the role does not know": tagged({ "github:admin": "true" }),
    "no github:repo": without("github:repo"),
    "no github:runId": without("github:runId"),
    "no github:jobId": without("github:jobId"),
  };
}
