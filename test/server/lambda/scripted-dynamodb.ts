import { text } from "node:stream/consumers";
import { serve } from "../servers.ts";

interface Asked {
  readonly Key?: { readonly key: { readonly S: string } };
  readonly Item?: { readonly key: { readonly S: string } };
  readonly ExpressionAttributeValues?: Record<string, { readonly N?: string }>;
}

/** DynamoDB as far as the broker's store knows it; the tests of `test/system` ask moto's. */
export async function scriptedDynamoDB() {
  const claims = new Set<string>();
  let hangs = false;
  const { url } = await serve((request, response) => {
    void text(request).then((body) => {
      const operation = String(request.headers["x-amz-target"]).split(".").at(-1) ?? "";
      if (hangs) return;
      const { status, answer } = answerTo(operation, JSON.parse(body) as Asked, claims);
      response.writeHead(status, { "content-type": "application/x-amz-json-1.0" });
      response.end(JSON.stringify(answer));
    });
  });
  const hang = (on: boolean): void => {
    hangs = on;
  };
  return { url, hang };
}

function answerTo(
  operation: string,
  { Key, Item, ExpressionAttributeValues: values = {} }: Asked,
  claims: Set<string>,
): { status: number; answer: object } {
  const name = (Key ?? Item)?.key.S ?? "";
  if (operation === "UpdateItem") {
    const expire = values[":new_expire"] ?? { N: String(Math.ceil(Date.now() / 1000) + 60) };
    return {
      status: 200,
      answer: { Attributes: { key: { S: name }, points: { N: "1" }, expire } },
    };
  }
  if (operation === "DeleteItem") claims.delete(name);
  if (operation !== "PutItem") return { status: 200, answer: {} };
  if (claims.has(name))
    return { status: 400, answer: { __type: "ConditionalCheckFailedException" } };
  claims.add(name);
  return { status: 200, answer: {} };
}
