import { readdir, stat } from "node:fs/promises";
import { availableParallelism, cpus } from "node:os";
import { join } from "node:path";
import type { Command } from "commander";
import { sizeText } from "../../hub/size-text.ts";
import { openHub } from "../../hub/stores/node/open-hub.ts";
import { VERSION } from "../../pipelines/version.ts";
import { checkDevice, NODE_DEVICES } from "../../runtime/node/device.ts";
import { onnxRuntimePackage } from "../../runtime/node/onnxruntime.ts";
import { processorUnits } from "../../runtime/node/processor-units.ts";
import { measurementFolder } from "../../systems/parts/weight-folder.ts";
import { type MeasuredMachine, measuredText, measureMachine } from "../doctor/measure.ts";
import { examineOpenVino, openVinoText } from "../doctor/openvino.ts";
import { missingPackages } from "../doctor/packages.ts";
import { cacheFolder } from "../terminal/cache-folder.ts";
import type { Terminal } from "../terminal/console.ts";
import { interruptible } from "../terminal/interrupt.ts";
import { machineMemory } from "../terminal/memory-warning.ts";
import { gibibytes } from "../terminal/units.ts";

/** `deepcache doctor`: what this machine has, to put into a report of a problem. */
export function addDoctor(program: Command, terminal: Terminal): void {
  program
    .command("doctor")
    .summary("what this machine has: versions, memory, devices, and what is missing")
    .description(
      "Prints versions, cores, units of the processor, memory, devices, caches and optional packages, for a report of a " +
        "problem. A device is listed where ONNX Runtime was built with it, or OpenVINO is there; --measure tries each, and times the processor.",
    )
    .option("--measure", "also try every device, and time the processor in each precision: some seconds")
    .option("--json", "print JSON")
    .action(({ json, measure }: { json?: boolean; measure?: boolean }) =>
      interruptible(async (signal) => {
        const found = await examine();
        const measured =
          measure === true ? await measureMachine(found.devices, measurementFolder(cacheFolder()), signal) : undefined;
        if (json === true) terminal.printJson({ ...found, ...(measured === undefined ? {} : { measured }) });
        else terminal.print(text(found, measured));
      }),
    );
}

/** What `doctor` finds. */
type Findings = Awaited<ReturnType<typeof examine>>;

async function examine() {
  const { total, available } = machineMemory();
  const { settings } = await openHub();
  return {
    deepcache: VERSION,
    node: process.versions.node,
    platform: `${process.platform} ${process.arch}`,
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    cores: availableParallelism(),
    units: processorUnits(),
    memory: { total, available },
    runtime: runtimeVersion(),
    devices: Object.keys(NODE_DEVICES).filter(isBuiltIn),
    models: { folder: settings.cacheFolder, bytes: await bytesBelow(settings.cacheFolder) },
    cache: { folder: cacheFolder(), bytes: await bytesBelow(cacheFolder()) },
    openvino: examineOpenVino(),
    sharp: await sharpVersion(),
    missing: missingPackages(),
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

/** Of the files below a folder, as far as they can be read; links count as little as they take. */
async function bytesBelow(folder: string): Promise<number> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true }).catch(() => []);
  let bytes = 0;
  for (const entry of entries) {
    if (entry.isFile()) bytes += (await stat(join(entry.parentPath, entry.name)).catch(() => ({ size: 0 }))).size;
  }
  return bytes;
}

function text(found: Findings, measured: MeasuredMachine | undefined): string {
  const { memory, devices, openvino, sharp, cores, runtime, units, models, cache, missing, ...versions } = found;
  const rows = {
    ...versions,
    cores: String(cores),
    units: units === null ? "not known on this system" : units.join(", ") || "none that matter here",
    memory: `${gibibytes(memory.total)}, ${gibibytes(memory.available)} free`,
    devices: devices.join(", "),
    runtime:
      runtime === null
        ? "ONNX Runtime is missing: npm i -O onnxruntime-node@1.30 --ignore-scripts installs it"
        : runtime,
    openvino: openVinoText(openvino),
    models: `${models.folder}: ${sizeText(models.bytes)}`,
    cache: `${cache.folder}: ${sizeText(cache.bytes)}`,
    sharp: sharp ?? "missing: JPEG and WebP take it, npm i sharp installs it",
    missing:
      missing.length === 0
        ? "nothing"
        : missing.map(({ packages, purpose }) => `${purpose}: npm i ${packages.join(" ")}`).join("\n           "),
    ...(measured === undefined ? {} : measuredText(measured)),
  };
  return Object.entries(rows)
    .map(([name, value]) => `${name.padEnd(10)} ${value}`)
    .join("\n");
}
