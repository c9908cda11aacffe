import { connect, createServer, type Server, type Socket } from "node:net";

/** A port of loopback, or the path of a Unix socket, which reaches into other networks. */
export type Place = number | string;

/** Whoever connects to one place is connected to another. */
export async function forward(from: Place, to: Place): Promise<Server> {
  const server = createServer((near) => {
    const far = open(to);
    near.pipe(far).pipe(near);
    near.on("error", () => far.destroy());
    far.on("error", () => near.destroy());
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    if (typeof from === "number") server.listen(from, "127.0.0.1", resolve);
    else server.listen(from, resolve);
  });
  return server;
}

function open(place: Place): Socket {
  return typeof place === "number" ? connect(place, "127.0.0.1") : connect(place);
}

/** As a program of its own, which is started in another network: FROM=TO, each a port or a path. */
if (import.meta.main) {
  const place = (text = ""): Place => (/^\d+$/.test(text) ? Number(text) : text);
  for (const pair of process.argv.slice(2)) {
    const [from, to] = pair.split("=");
    await forward(place(from), place(to));
  }
  console.log("ready");
}
