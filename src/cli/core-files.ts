import { readFileSync, writeFileSync } from "node:fs";

const own = "/proc/self/coredump_filter";

/**
 * Keeps the memory of this process, and with it keys, cookies and credentials, out of core files
 * (F-13). Linux alone can do that from within; a few microseconds, and never a reason to fail.
 */
export function keepOutOfCoreFiles(): void {
  set("0");
}

/** Starts a program, which would inherit that, with the setting that we were started with. */
export function withCoreFiles<Child>(start: () => Child): Child {
  set(inherited());
  try {
    return start();
  } finally {
    set("0");
  }
}

/** Who started us handed its own setting down. */
function inherited(): string {
  try {
    return `0x${readFileSync(`/proc/${process.ppid}/coredump_filter`, "utf8").trim()}`;
  } catch {
    return "0x33";
  }
}

function set(filter: string): void {
  if (process.platform !== "linux") return;
  try {
    writeFileSync(own, filter);
  } catch {
    // A /proc that is not there, or read-only.
  }
}
