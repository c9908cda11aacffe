import { json, type Answer } from "../answer.ts";

const restDocs = "https://docs.github.com/rest";

/** An error as GitHub's REST API words it. */
export function refusal(
  status: number,
  message: string,
  documentation = restDocs,
  headers: Record<string, string> = {},
): Answer {
  return json(
    { message, documentation_url: documentation, status: String(status) },
    status,
    headers,
  );
}

export function notFound(documentation?: string): Answer {
  return refusal(404, "Not Found", documentation);
}

export function badCredentials(): Answer {
  return refusal(401, "Bad credentials");
}

const messages: Record<number, string> = {
  401: "Bad credentials",
  403: "Resource not accessible by integration",
  404: "Not Found",
};

/** What the API says with an error status that a fault asks for. */
export function failure(status: number): Answer {
  return refusal(status, messages[status] ?? (status >= 500 ? "Server Error" : "Refused"));
}
