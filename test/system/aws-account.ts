import { ask } from "../world/ask.ts";
import type { Policy } from "../harness/iam.ts";
import { AwsFront } from "./aws-front.ts";
import { backends } from "./backends.ts";

const account = "123456789012";
const brokerRole = `arn:aws:iam::${account}:role/actions2aws-broker`;
/** AWS compares the role of the caller's session; moto the session itself. */
const brokerSession = `arn:aws:sts::${account}:assumed-role/actions2aws-broker/broker`;

/** A role that jobs ask for, beside what most have. */
export interface RoleWish {
  readonly principal?: string;
  readonly externalId?: string;
  /** false: the broker's own policy does not list it. */
  readonly listed?: boolean;
}

/** An account of moto's: STS, IAM, DynamoDB and Secrets Manager, with the broker's role and those of jobs. */
export class Account {
  readonly front: AwsFront;
  /** What the broker runs on: a session of its role. */
  readonly brokerEnvironment: Readonly<Record<string, string>>;
  readonly #url: string;
  readonly #stop: () => Promise<void>;

  private constructor(
    url: string,
    front: AwsFront,
    environment: Record<string, string>,
    stop: () => Promise<void>,
  ) {
    this.#url = url;
    this.front = front;
    this.brokerEnvironment = environment;
    this.#stop = stop;
  }

  /** @param roles by their names */
  static async open(roles: Readonly<Record<string, RoleWish>>, secret: object): Promise<Account> {
    const moto = await backends.dynamodb?.();
    if (!moto) throw new Error("there is no moto");
    await moto.start();
    const url = moto.environment.AWS_ENDPOINT_URL_DYNAMODB ?? "";
    const front = new AwsFront(url);
    await front.start();
    await makeRoles(url, roles);
    await secrets(url, "CreateSecret", { Name: secretName, SecretString: JSON.stringify(secret) });
    const environment = await brokerOn(url, front.url);
    await checkCalls(url, true);
    return new Account(url, front, environment, () => moto.remove());
  }

  /** As somebody at the console does. */
  async changeSecret(secret: object): Promise<void> {
    await checkCalls(this.#url, false);
    const SecretString = JSON.stringify(secret);
    await secrets(this.#url, "PutSecretValue", { SecretId: secretName, SecretString });
    await checkCalls(this.#url, true);
  }

  /** What the table of the store holds, as text. */
  async stored(): Promise<string> {
    await checkCalls(this.#url, false);
    const headers = { "x-amz-target": "DynamoDB_20120810.Scan" };
    const found = await post(
      this.#url,
      { ...signed("dynamodb"), ...headers },
      '{"TableName":"actions2aws"}',
    );
    await checkCalls(this.#url, true);
    return found;
  }

  async close(): Promise<void> {
    await this.front.close();
    await this.#stop();
  }
}

const secretName = "actions2aws";

function arnOf(name: string): string {
  return `arn:aws:iam::${account}:role/${name}`;
}

async function makeRoles(url: string, roles: Readonly<Record<string, RoleWish>>): Promise<void> {
  const listed = Object.entries(roles).filter(([, { listed: is = true }]) => is);
  await call(url, "iam", "CreateRole", {
    RoleName: "actions2aws-broker",
    AssumeRolePolicyDocument: JSON.stringify(
      trustOf({ principal: `arn:aws:iam::${account}:root` }),
    ),
  });
  await call(url, "iam", "PutRolePolicy", {
    RoleName: "actions2aws-broker",
    PolicyName: "broker",
    PolicyDocument: JSON.stringify(brokerPolicy(listed.map(([name]) => arnOf(name)))),
  });
  for (const [name, wish] of Object.entries(roles)) {
    await call(url, "iam", "CreateRole", {
      RoleName: name,
      AssumeRolePolicyDocument: JSON.stringify(trustOf(wish)),
      MaxSessionDuration: "43200",
    });
  }
}

/** As docs/operating.md has it; moto knows the resource of AssumeRole alone. */
function brokerPolicy(roles: readonly string[]): Policy {
  const stores = ["GetItem", "PutItem", "UpdateItem", "DeleteItem"].map((it) => `dynamodb:${it}`);
  return {
    Version: "2012-10-17",
    Statement: [
      { Effect: "Allow", Action: ["sts:AssumeRole", "sts:TagSession"], Resource: roles },
      { Effect: "Allow", Action: [...stores, "secretsmanager:GetSecretValue"], Resource: "*" },
    ],
  };
}

function trustOf({ principal, externalId = "acme/app" }: RoleWish): object {
  return {
    Version: "2012-10-17",
    Statement: [
      {
        Effect: "Allow",
        Principal: { AWS: principal ?? [brokerRole, brokerSession] },
        Action: ["sts:AssumeRole", "sts:TagSession"],
        Condition: { StringEquals: { "sts:ExternalId": externalId } },
      },
    ],
  };
}

async function brokerOn(url: string, front: string): Promise<Record<string, string>> {
  const session = { RoleArn: brokerRole, RoleSessionName: "broker" };
  const xml = await call(url, "sts", "AssumeRole", session);
  const valueOf = (name: string): string => new RegExp(`<${name}>([^<]+)<`).exec(xml)?.[1] ?? "";
  return {
    AWS_ENDPOINT_URL: front,
    AWS_ACCESS_KEY_ID: valueOf("AccessKeyId"),
    AWS_SECRET_ACCESS_KEY: valueOf("SecretAccessKey"),
    AWS_SESSION_TOKEN: valueOf("SessionToken"),
    GITHUB_SECRET_ID: secretName,
  };
}

/** Whether moto holds each call to its signature, and to what IAM allows. */
async function checkCalls(url: string, on: boolean): Promise<void> {
  await post(`${url}/moto-api/reset-auth`, {}, on ? "0" : "inf");
}

function secrets(url: string, action: string, body: object): Promise<string> {
  const headers = { "x-amz-target": `secretsmanager.${action}` };
  return post(url, { ...signed("secretsmanager"), ...headers }, JSON.stringify(body));
}

/** In the query protocol of IAM and STS. */
function call(
  url: string,
  service: string,
  action: string,
  parameters: Readonly<Record<string, string>>,
): Promise<string> {
  const form = new URLSearchParams({ Action: action, ...parameters });
  const type = { "content-type": "application/x-www-form-urlencoded" };
  return post(url, { ...signed(service), ...type }, form.toString());
}

/** moto goes by it to find the service; unless it checks calls, it looks no closer. */
function signed(service: string): Record<string, string> {
  const scope = `20260101/eu-central-1/${service}/aws4_request`;
  return {
    authorization: `AWS4-HMAC-SHA256 Credential=AKIAROOT/${scope}, SignedHeaders=host, Signature=0`,
  };
}

async function post(url: string, headers: Record<string, string>, body: string): Promise<string> {
  const { status, text } = await ask(url, headers, { method: "POST", body });
  if (status !== 200) throw new Error(`moto answered ${status}: ${text}`);
  return text;
}
