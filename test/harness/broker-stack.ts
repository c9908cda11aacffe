import { type Resource, stackOf } from "./cloudformation.ts";

// The stack of deploy/aws/template.yml, with the names that AWS would give its resources.

export const account = "123456789012";
export const region = "eu-west-1";
export const brokerRole = `arn:aws:iam::${account}:role/actions2aws-broker`;
export const secret = `arn:aws:secretsmanager:${region}:${account}:secret:actions2aws/github-AbCdEf`;
export const table = `arn:aws:dynamodb:${region}:${account}:table/actions2aws`;
export const log = `arn:aws:logs:${region}:${account}:log-group:/aws/lambda/actions2aws`;
export const template = "deploy/aws/template.yml";

const values = {
  "AWS::Partition": "aws",
  "AWS::Region": region,
  "AWS::AccountId": account,
  "AWS::NoValue": "",
  Api: "a1b2c3d4e5",
  Function: "actions2aws",
  Table: "actions2aws",
  "Table.Arn": table,
  GithubSecret: secret,
  FunctionLogGroup: "/aws/lambda/actions2aws",
  "FunctionLogGroup.Arn": `${log}:*`,
  ApiLogGroup: "/aws/vendedlogs/actions2aws-api",
  "ApiLogGroup.Arn": `arn:aws:logs:${region}:${account}:log-group:/aws/vendedlogs/actions2aws-api:*`,
  "BrokerRole.Arn": brokerRole,
};

export class BrokerStack {
  readonly resources: Readonly<Record<string, Resource>>;

  constructor(parameters: Readonly<Record<string, string>> = {}) {
    this.resources = stackOf(template, { parameters, values });
  }

  propertiesOf(name: string): Readonly<Record<string, unknown>> {
    const resource = this.resources[name];
    if (resource === undefined) throw new Error(`the stack has no ${name}`);
    return resource.Properties;
  }
}
