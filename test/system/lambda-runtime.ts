import { join } from "node:path";
import { pathToFileURL } from "node:url";

// In place of the runtime that Lambda has for Node: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html

type Handler = (event: unknown, context: object) => Promise<unknown>;

const { AWS_LAMBDA_RUNTIME_API: host } = process.env;
/** The folder of the function. */
const [, , root = ""] = process.argv;
const invocations = `http://${host}/2018-06-01/runtime/invocation`;
const { handler } = (await import(pathToFileURL(join(root, "index.mjs")).href)) as {
  handler: Handler;
};

for (;;) {
  const next = await fetch(`${invocations}/next`);
  const awsRequestId = next.headers.get("lambda-runtime-aws-request-id") ?? "";
  const deadline = Number(next.headers.get("lambda-runtime-deadline-ms"));
  const context = { awsRequestId, getRemainingTimeInMillis: () => deadline - Date.now() };
  const { path, body } = await answer(await next.json(), context);
  await fetch(`${invocations}/${awsRequestId}/${path}`, {
    method: "POST",
    body: JSON.stringify(body),
  });
}

async function answer(event: unknown, context: object) {
  try {
    return { path: "response", body: await handler(event, context) };
  } catch (error) {
    const { name: errorType, message: errorMessage } = error as Error;
    return { path: "error", body: { errorType, errorMessage } };
  }
}
