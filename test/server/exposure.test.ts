import { expect, test } from "vitest";
import { exposureIn, exposureOf, type Reader } from "../../src/server/exposure.ts";

// F-14. Which of a file's rights are others'; test/attacks/secrets-in-files has the program's warnings.

const path = "/run/secrets/token";
const [secret, config] = [0o077, 0o022];
const user: Reader = { uid: 65532, gid: 65532, credentials: undefined };

test.for([
  { why: "our own, and private", file: { uid: 65532, gid: 65532, mode: 0o100600 } },
  { why: "root's, and private", file: { uid: 0, gid: 0, mode: 0o100400 } },
  {
    why: "root's, for the group with our number: Kubernetes' fsGroup",
    file: { uid: 0, gid: 65532, mode: 0o100440 },
  },
  {
    why: "a configuration that all may read",
    rights: config,
    file: { uid: 0, gid: 0, mode: 0o644 },
  },
  {
    why: "systemd's, whose access list shows as rights of the group",
    reader: { ...user, credentials: "/run/secrets" },
    file: { uid: 0, gid: 0, mode: 0o100440 },
  },
])("$why", ({ rights = secret, reader = user, file }) => {
  expect(exposureIn(path, file, rights, reader)).toBeNull();
});

test.for([
  { why: "all may read", file: { uid: 65532, gid: 65532, mode: 0o100604 } },
  { why: "a group of several may read", file: { uid: 65532, gid: 100, mode: 0o100640 } },
  {
    why: "our group is one of several: it has not our number",
    reader: { ...user, gid: 100 },
    file: { uid: 0, gid: 100, mode: 0o100440 },
  },
  {
    why: "root's group, though we are root",
    reader: { uid: 0, gid: 0, credentials: undefined },
    file: { uid: 0, gid: 0, mode: 0o100440 },
  },
  { why: "our group may write", file: { uid: 0, gid: 65532, mode: 0o100660 } },
  {
    why: "a configuration that our group may write",
    rights: config,
    file: { uid: 0, gid: 65532, mode: 0o100660 },
  },
  {
    why: "all may read, among systemd's as well",
    reader: { ...user, credentials: "/run/secrets" },
    file: { uid: 0, gid: 0, mode: 0o100444 },
  },
  {
    why: "not directly among systemd's",
    reader: { ...user, credentials: "/run" },
    file: { uid: 0, gid: 0, mode: 0o100440 },
  },
])("exposed: $why", ({ rights = secret, reader = user, file }) => {
  const mode = (file.mode & 0o777).toString(8).padStart(4, "0");
  expect(exposureIn(path, file, rights, reader)).toEqual({ path, mode });
});

test("exposed: somebody else's, however private", () => {
  const file = { uid: 1000, gid: 65532, mode: 0o100400 };
  expect(exposureIn(path, file, secret, user)).toEqual({ path, mode: "0400", owner: 1000 });
});

test("what is not there is not exposed", () => {
  expect(exposureOf("/nonexistent/secret", secret, user)).toBeNull();
});
