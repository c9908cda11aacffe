import { randomUUID } from "node:crypto";

import { xml, type Answer } from "../answer.ts";

const namespace = "https://sts.amazonaws.com/doc/2011-06-15/";

/** A refusal with AWS's code, status and words. */
export class StsError extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

export function resultAnswer(action: string, result: string): Answer {
  const body = `<${action}Response xmlns="${namespace}">
  <${action}Result>
${result}
  </${action}Result>
  <ResponseMetadata>
    <RequestId>${randomUUID()}</RequestId>
  </ResponseMetadata>
</${action}Response>
`;
  return xml(body);
}

export function errorAnswer({ status, code, message }: StsError): Answer {
  const body = `<ErrorResponse xmlns="${namespace}">
  <Error>
    <Type>${status >= 500 ? "Receiver" : "Sender"}</Type>
    <Code>${code}</Code>
    <Message>${escapeXml(message)}</Message>
  </Error>
  <RequestId>${randomUUID()}</RequestId>
</ErrorResponse>
`;
  return xml(body, status);
}

function escapeXml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
