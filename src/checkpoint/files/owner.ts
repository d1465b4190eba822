import { createHash } from "node:crypto";
import { readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";

/** Tells this process from every other, here and elsewhere, in letters that a file name may have. */
export const ownerToken = (): string => {
  own ??= [short(place()), short(boot()), process.pid, startOf(process.pid) ?? 0].join("-");
  return own;
};

let own: string | undefined;

/** What a token looks like within a name. */
export const OWNER_TOKEN = "[0-9a-f]{8}-[0-9a-f]{8}-\\d+-\\d+";

/** Whether the process that a token stands for is there no more; undefined where it ran elsewhere, so that nobody can tell. */
export function isGone(token: string): boolean | undefined {
  const [atPlace, atBoot, id = "0", started] = token.split("-");
  const [ownPlace, ownBoot] = ownerToken().split("-");
  if (atPlace !== ownPlace) return undefined;
  if (atBoot !== ownBoot || !isRunning(Number(id))) return true;
  const found = startOf(Number(id));
  return found !== undefined && started !== "0" && `${found}` !== started; // another process has got its number
}

function isRunning(id: number): boolean {
  try {
    return process.kill(id, 0);
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

/** Numbers of processes mean something within one machine, or one container of it. */
const place = (): string => `${hostname()} ${attempt(() => readlinkSync("/proc/self/ns/pid"))}`;

const boot = (): string => attempt(() => readFileSync("/proc/sys/kernel/random/boot_id", "utf8"));

/** When a process started, in ticks since the machine did, where the system says so: field 22, behind a name in brackets. */
function startOf(id: number): number | undefined {
  const text = attempt(() => readFileSync(`/proc/${id}/stat`, "utf8"));
  const ticks = text.slice(text.lastIndexOf(")") + 2).split(" ")[19];
  return ticks === undefined ? undefined : Number(ticks);
}

const attempt = (read: () => string): string => {
  try {
    return read();
  } catch {
    return "";
  }
};

const short = (text: string): string => createHash("sha256").update(text).digest("hex").slice(0, 8);
