import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { Client } from "../harness/client.ts";
import { roleOf } from "../harness/config.ts";
import { fullName } from "../world/github/model.ts";
import type { Job, World } from "../world/index.ts";

/** Jobs in progress, of which a process in another language asks what they would send. */
export class HonestJobs {
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(world: World, broker: string, publicUrl: string): Promise<HonestJobs> {
    const bodies = await bodiesOf(world, broker, publicUrl);
    const server = createServer((request, response) => {
      const body = bodies[request.url ?? ""];
      if (!body) return response.writeHead(404).end();
      return void body().then(
        (made) => response.end(JSON.stringify(made)),
        (error: unknown) => response.writeHead(500).end(String(error)),
      );
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return new HonestJobs(server);
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}

/** By the operation's path. */
async function bodiesOf(
  world: World,
  broker: string,
  publicUrl: string,
): Promise<Record<string, () => Promise<object>>> {
  const [byLog, byToken] = await Promise.all(
    [1, 2].map(() => Client.of(world, broker, newJob(world))),
  );
  if (!byLog || !byToken) throw new Error("two clients");
  const withToken = () => ({
    role: roleOf("by-token"),
    oidc_token: byToken.token(publicUrl),
  });
  let asked = 0;
  return {
    "/v1/challenges": () => Promise.resolve(byLog.who),
    "/v1/credentials": async () => {
      if (++asked % 2 === 0) return { ...byToken.who, ...withToken() };
      const challenge = await byLog.challenge();
      byLog.announce(challenge);
      return { ...byLog.who, role: roleOf("app-deploy"), ticket: challenge.ticket };
    },
    // Another token, and another job, each time: what comes again is no decision of its own.
    "/v1/renewals": async () => {
      const { role, oidc_token: token } = withToken();
      const given = await byToken.credentialsIn(await byToken.askByToken(token, { role }));
      return { renewal_token: given.RenewalToken };
    },
    "/": () => {
      const job = newJob(world);
      world.github.say(job, "assume role", `ACTIONS2AWS PUBKEY: ${byLog.publicKey}`);
      world.github.completeStep(job, "assume role");
      return Promise.resolve({
        Repo: fullName(job.run.repository),
        RunId: String(job.run.id),
        JobName: job.name,
        StepName: "assume role",
        RoleARN: roleOf("legacy"),
      });
    },
  };
}

function newJob({ github }: World): Job {
  const [repository] = github.repositories;
  if (!repository) throw new Error("the golden case is there");
  const job = github.addJob(github.addRun(repository));
  github.addStep(job);
  return job;
}
