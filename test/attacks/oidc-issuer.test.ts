import { describe, expect, test } from "vitest";
import type { SimulatedIssuer } from "../world/issuer/index.ts";
import { publicUrl, useTokens, withOtherIssuer } from "../harness/token-scene.ts";

const { bench, tokenOf, ask, show, expectNotAccepted } = useTokens();

describe("a token whose issuer is not the configured one to the letter is not accepted:", () => {
  const others: Record<string, (url: string) => unknown> = {
    "a host that begins like it": (url) => `${url}.evil.example`,
    "a host that ends like it": (url) => url.replace("//", "//evil-"),
    "a slash behind it": (url) => `${url}/`,
    "a path behind it, as of an enterprise": (url) => `${url}/acme`,
    "a query behind it": (url) => `${url}?`,
    "another scheme": (url) => url.replace("http:", "https:"),
    "another case": (url) => url.replace("http:", "HTTP:"),
    "a user before its host": (url) => url.replace("//", "//x@"),
    "another name of its host": (url) => url.replace("127.0.0.1", "localhost"),
    "a blank before it": (url) => ` ${url}`,
    "GitHub's own, where another is configured (O-10)": () =>
      "https://token.actions.githubusercontent.com",
    "an Enterprise Server's (O-10)": () => "https://ghes.example.com/_services/token",
    "a list of it": (url) => [url],
    "an empty text": () => "",
    null: () => null,
    none: () => undefined,
  };
  test.for(Object.entries(others))("%s (O-03)", async ([, change]) => {
    const client = await bench().client();
    const { url } = bench().world.issuer;
    expect(change(url)).not.toBe(url);
    await expectNotAccepted(await ask(client, "by-token", { iss: change(url) }));
  });
});

describe("another host's issuer says nothing here, though repository, run and job have the same ids:", () => {
  const whose: Record<string, (other: SimulatedIssuer, url: string) => object> = {
    "by its own name": (other) => ({ iss: other.url }),
    "by the name of the configured one": (_, url) => ({ iss: url }),
  };
  const kids: Record<string, (other: SimulatedIssuer) => object> = {
    "with its own key's name": () => ({}),
    "with the name of the configured one's key": () => ({ kid: "simulated-key-1" }),
  };
  const rows = Object.keys(whose).flatMap((name) => Object.keys(kids).map((kid) => [name, kid]));
  test.for(rows)("%s, %s (O-10)", async ([name = "", kid = ""]) =>
    withOtherIssuer(async (other) => {
      const { job } = bench().newJob();
      const client = await bench().client(job);
      const audience = `${publicUrl}#${client.publicKey}`;
      const claims = {
        ...other.claims(job, audience),
        ...whose[name]?.(other, bench().world.issuer.url),
      };
      const token = other.sign(claims, { header: { ...kids[kid]?.(other) } });
      await expectNotAccepted(await show(client, token));
      // The same words of the configured issuer's are a token.
      const { iat, nbf, exp, jti } = claims;
      await client.credentialsIn(await show(client, tokenOf(client, { iat, nbf, exp, jti })));
    }),
  );
});
