import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { program } from "../../harness/program.ts";
import { type Done, root } from "./machine.ts";

const repository = join(import.meta.dirname, "../../..");

/**
 * A store of images of its own, and the containers made of them. No registry is asked: the images that
 * the Dockerfile and the compose file name are made here, under those names, of this machine's files,
 * which hold what the program links to and nothing else.
 */
export class Images {
  readonly folder = mkdtempSync(join(tmpdir(), "actions2aws-images-"));

  /** The image of deploy/container/Dockerfile, whose first stage is the build that is here already. */
  async build(): Promise<void> {
    await this.#make("gcr.io/distroless/cc-debian12:nonroot", await filesFor(program));
    await this.#make("localhost/build:latest", {
      "src/dist/actions2aws": program,
      "log/actions2aws": null,
    });
    const stage = ["--build-context", "build=container-image://localhost/build:latest"];
    const file = join(repository, "deploy/container/Dockerfile");
    await this.#buildah(...stage, "--tag", "actions2aws", "--file", file, repository);
  }

  /** What Debian's Redis needs, and the shell that the compose file starts it with. */
  async redis(name: string): Promise<void> {
    const programs = ["/usr/bin/redis-server", "/bin/sh", "/bin/cat"];
    const files = await Promise.all(programs.map((path) => filesFor(path)));
    const own = Object.fromEntries(programs.map((path) => [path.slice(1), path]));
    await this.#make(name, Object.assign(own, ...files) as Record<string, string>);
  }

  podman(...args: readonly string[]): Promise<Done> {
    return root("podman", ...this.#store, "--cgroup-manager=cgroupfs", "--runtime=runc", ...args);
  }

  async remove(): Promise<void> {
    await this.podman("rm", "--all", "--force", "--time=0");
    await this.podman("rmi", "--all", "--force");
    await root("umount", "--quiet", join(this.folder, "storage/overlay"));
    await root("rm", "-rf", this.folder);
    rmSync(this.folder, { recursive: true, force: true });
  }

  get #store(): string[] {
    return [`--root=${join(this.folder, "storage")}`, `--runroot=${join(this.folder, "run")}`];
  }

  /** @param files paths in the image, and what they are copies of; null for an empty folder */
  async #make(tag: string, files: Readonly<Record<string, string | null>>): Promise<void> {
    const context = mkdtempSync(join(this.folder, "context-"));
    for (const [path, source] of Object.entries(files)) {
      const target = join(context, path);
      mkdirSync(source === null ? target : dirname(target), { recursive: true, mode: 0o755 });
      if (source !== null) await root("cp", realpathSync(source), target);
      else await root("chmod", "0700", target);
    }
    const dockerfile = join(this.folder, "Dockerfile");
    writeFileSync(dockerfile, "FROM scratch\nCOPY . /\n");
    await this.#buildah("--tag", tag, "--file", dockerfile, context);
  }

  async #buildah(...args: readonly string[]): Promise<void> {
    // Not as OCI has it, which knows no health check.
    const how = ["bud", "--format=docker", "--pull-never", "--quiet"];
    const { exitCode, stderr } = await root("buildah", ...this.#store, ...how, ...args);
    if (exitCode !== 0) throw new Error(`no image: ${stderr}`);
  }
}

/** The libraries that a program is linked to, by their paths. */
async function filesFor(path: string): Promise<Record<string, string>> {
  const { stdout } = await root("ldd", path);
  const libraries = stdout.match(/\/lib\S+/g) ?? [];
  return Object.fromEntries(libraries.map((library) => [library.slice(1), library]));
}
