import { ContainerEndpoint } from "./container-endpoint.ts";
import type { CredentialSource } from "./credential-source.ts";
import { type Environment, type Host, say } from "./host.ts";
import type { Issued } from "./issued.ts";
import { rivalVariables } from "./rivals.ts";
import { runCommand } from "./run-command.ts";
import { maskCredentials } from "./runner.ts";
import { Supply } from "./supply.ts";
import type { Variables } from "./variables.ts";

/** Runs a command whose AWS tools ask us for credentials, and find good ones for as long as it runs. */
export async function runRefreshed(
  command: readonly [string, ...string[]],
  first: Issued,
  source: CredentialSource,
  how: { timeoutSeconds: number; region: Variables },
  host: Host,
): Promise<number> {
  const onRenewed = ({ credentials }: Issued): void => {
    maskCredentials(credentials, host);
    say(host, `credentials renewed until ${credentials.expiration}`);
  };
  const supply = new Supply(first, source, { ...how, onRenewed }, host);
  const endpoint = await ContainerEndpoint.open(() => supply.current(), host.env);
  try {
    void supply.run();
    const env = environmentFor(host.env, [...endpoint.variables, ...how.region]);
    return await runCommand(command, env, host);
  } finally {
    supply.stop();
    endpoint.close();
  }
}

/** What an AWS tool would prefer to the endpoint goes. */
function environmentFor(env: Environment, variables: Variables): Environment {
  const rivals: readonly string[] = rivalVariables;
  const kept = Object.entries(env).filter(([name]) => !rivals.includes(name.toUpperCase()));
  return { ...Object.fromEntries(kept), ...Object.fromEntries(variables) };
}
