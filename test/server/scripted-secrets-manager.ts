import { serve } from "./servers.ts";

/** Secrets Manager as far as the broker knows it: GetSecretValue, of the secrets in a table. */
export async function scriptedSecretsManager(secrets: Record<string, string | Error>) {
  const asked: { id: string; authorization: string }[] = [];
  let hangs = false;
  const { url } = await serve((request, response) => {
    let body = "";
    request.setEncoding("utf8").on("data", (chunk: string) => (body += chunk));
    request.on("end", () => {
      const { SecretId: id } = JSON.parse(body) as { SecretId: string };
      asked.push({ id, authorization: request.headers.authorization ?? "" });
      if (hangs) return;
      const secret = secrets[id];
      const known = request.headers["x-amz-target"] === "secretsmanager.GetSecretValue";
      response.setHeader("content-type", "application/x-amz-json-1.1");
      if (!known || secret === undefined || secret instanceof Error) {
        const type = secret instanceof Error ? secret.name : "ResourceNotFoundException";
        // What AWS says besides its code is for nobody's log.
        response
          .writeHead(400)
          .end(JSON.stringify({ __type: type, Message: "canary: not for the log" }));
        return;
      }
      response.end(JSON.stringify({ ARN: id, Name: id, SecretString: secret, VersionId: "1" }));
    });
  });
  const hang = (): void => {
    hangs = true;
  };
  return { url, asked, secrets, hang };
}
