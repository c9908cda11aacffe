import { describe, expect, test } from "vitest";
import { grantLike } from "../harness/config.ts";
import { bodyOf, outcomeOf, served, useTokens } from "../harness/token-scene.ts";

const { bench, ask } = useTokens([grantLike("named", { proof: "oidc" })]);
const github = () => bench().world.github;
const calls = () => bench().asked.map(({ method, path }) => `${method} ${path}`);

describe("a grant that pins the job's name, which no token tells, goes by what GitHub says of the token's job:", () => {
  test("it is not for a job of another name, though one of that name runs beside it (O-15, G-10)", async () => {
    const { job } = bench().newJob({ job: { name: "lint" } });
    github().addJob(job.run, { name: "deploy" });
    const client = await bench().client(job);
    const reply = await ask(client, "named", {}, { job: { name: "deploy" } });
    await bench().expectDenied(reply, "no_grant", ["job"]);
    expect(bodyOf(reply).detail).toContain(
      "job: the grant wants deploy or test (*), this run has lint",
    );
    expect(calls()).toHaveLength(1);
  });

  test("it is not for a job that GitHub does not have in this run (O-11)", async () => {
    const client = await bench().client();
    const elsewhere = bench().newJob().job.id;
    const claims = { check_run_id: String(elsewhere) };
    const reply = await ask(client, "named", claims, { job: { id: elsewhere } });
    await bench().expectDenied(reply, "job_not_found");
    expect(reply.headers.get("retry-after")).toBe("2");
  });

  test("it is not for a job that is over, though its token still holds (O-09)", async () => {
    const { job } = bench().newJob();
    const client = await bench().client(job);
    github().completeJob(job);
    await bench().expectDenied(await ask(client, "named"), "not_in_progress");
  });

  test("it costs no call where something else does not fit anyway, and that alone is told (O-05)", async () => {
    const client = await bench().client();
    const reply = await ask(client, "named", { event_name: "issues" });
    await bench().expectDenied(reply, "no_grant", ["event"]);
    expect(calls()).toEqual([]);
  });

  test.for([500, 403])(
    "it waits while GitHub answers %s, and AWS is not asked (O-15)",
    async (status) => {
      const client = await bench().client();
      const fault = github().api.fault({ status });
      const reply = await ask(client, "named");
      fault.remove();
      await bench().expectDenied(reply, "github_unavailable");
      expect(reply.status).toBe(503);
      expect(outcomeOf(await ask(client, "named"))).toEqual(served);
    },
  );
});
