import { availableParallelism, cpus } from "node:os";
import type { Command } from "commander";
import { VERSION } from "../../pipelines/version.ts";
import { checkDevice, NODE_DEVICES } from "../../runtime/node/device.ts";
import { onnxRuntimePackage } from "../../runtime/node/onnxruntime.ts";
import type { Terminal } from "../terminal/console.ts";
import { machineMemory } from "../terminal/memory-warning.ts";
import { gibibytes } from "../terminal/units.ts";

/** `deepcache doctor`: what this machine has, to put into a report of a problem. */
export function addDoctor(program: Command, terminal: Terminal): void {
  program
    .command("doctor")
    .summary("what this machine has: versions, memory, devices")
    .description(
      "Prints versions, cores, memory and devices, for a report of a problem. A device is listed where ONNX Runtime was " +
        "built with it; whether a GPU can be used shows when it is.",
    )
    .option("--json", "print JSON")
    .action(async ({ json }: { json?: boolean }) => {
      const found = await examine();
      if (json === true) terminal.printJson(found);
      else terminal.print(text(found));
    });
}

/** What `doctor` finds. */
type Findings = Awaited<ReturnType<typeof examine>>;

async function examine() {
  const { total, available } = machineMemory();
  return {
    deepcache: VERSION,
    node: process.versions.node,
    platform: `${process.platform} ${process.arch}`,
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    cores: availableParallelism(),
    memory: { total, available },
    runtime: runtimeVersion(),
    devices: Object.keys(NODE_DEVICES).filter(isBuiltIn),
    sharp: await sharpVersion(),
  };
}

/** Of ONNX Runtime; null where it is missing. */
function runtimeVersion(): string | null {
  try {
    return `onnxruntime-node ${onnxRuntimePackage().version}`;
  } catch {
    return null;
  }
}

function isBuiltIn(device: string): boolean {
  try {
    checkDevice(device);
    return true;
  } catch {
    return false;
  }
}

/** Of the optional package that reads and writes JPEG and WebP; null where it is missing. */
async function sharpVersion(): Promise<string | null> {
  try {
    return (await import("sharp")).default.versions.sharp ?? "unknown";
  } catch {
    return null;
  }
}

function text({ memory, devices, sharp, cores, runtime, ...versions }: Findings): string {
  const rows = {
    ...versions,
    cores: String(cores),
    memory: `${gibibytes(memory.total)}, ${gibibytes(memory.available)} free`,
    devices: devices.join(", "),
    runtime:
      runtime === null
        ? "ONNX Runtime is missing: npm i -O onnxruntime-node@1.30 --ignore-scripts installs it"
        : runtime,
    sharp: sharp ?? "missing: JPEG and WebP take it, npm i sharp installs it",
  };
  return Object.entries(rows)
    .map(([name, value]) => `${name.padEnd(10)} ${value}`)
    .join("\n");
}
