import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Command } from "commander";
import { MEASURES, type MeasureName, measureNamed } from "../../evaluation/measures.ts";
import {
  extractImages,
  readReference,
  settleReference,
  storedSamples,
} from "../../evaluation/measuring/feature-files.ts";
import { inceptionInstrument } from "../../evaluation/measuring/instruments/inception.ts";
import { measureSet, outputsFor } from "../../evaluation/measuring/set-measures.ts";
import { featureFile } from "../../evaluation/store/records.ts";
import { folderStore } from "../../evaluation/store/stores/folder.ts";
import { type FeatureStatistics, featureStatistics } from "../../metrics/frechet-distance.ts";
import { openInception } from "../../metrics/inception-features.ts";
import { type ReferenceImages, writeReferenceStatistics } from "../../metrics/reference-statistics.ts";
import { INCEPTION_WIDTHS, type InceptionInput, type InceptionOutput } from "../../models/judges/inception.ts";
import { DEVICE_NAMES, type NodeDevice } from "../../runtime/node/device.ts";
import { openReference, pictureFolder } from "../evaluate/reference.ts";
import { addInceptionInput } from "../flags/evaluation-flags.ts";
import { parseDevice } from "../flags/generation-flags.ts";
import { parseWhole, UsageError } from "../flags/usage.ts";
import { runtimeOf } from "../job.ts";
import type { Terminal } from "../terminal/console.ts";
import { conversion } from "../terminal/conversion.ts";
import { interruptible } from "../terminal/interrupt.ts";
import { checkWritable, makeFolderOf } from "../terminal/output-files.ts";
import { table } from "../terminal/units.ts";

interface Flags {
  readonly inception: string;
  readonly inceptionInput?: InceptionInput;
  readonly metrics?: readonly MeasureName[];
  readonly saveStats?: string;
  readonly batch: number;
  readonly device: NodeDevice;
  readonly threads?: number;
  readonly json?: boolean;
}

/** Metrics of pictures that Inception looked at. */
const METRICS = (Object.keys(MEASURES) as MeasureName[]).filter((name) =>
  (measureNamed(name).needs as readonly string[]).includes("inception"),
);

/** `deepcache fid`: the Fréchet Inception distance of two sets of pictures, and its relatives. */
export function addFid(program: Command, terminal: Terminal): void {
  const command = program
    .command("fid")
    .summary("compare two folders of pictures by FID and its relatives")
    .description(
      "Compares pictures with a reference, as pytorch-fid does: FID, sFID, Inception score, precision and recall. Sets are " +
        "folders of PNG, JPEG or WebP files; a reference may also be a .npz file of pytorch-fid or of ADM's evaluator.",
    )
    .argument("<reference>", "folder of pictures, or .npz file; with --save-stats alone, the pictures")
    .argument("[pictures]", "folder of pictures to judge")
    .requiredOption("--inception <file>", "weights of FID's network (pytorch-fid's .pth, or the same as safetensors)");
  addInceptionInput(command)
    .option("--metrics <list>", `any of ${METRICS.join(", ")} (default: fid)`, parseMetrics)
    .option("--save-stats <file>", "write statistics of the last folder as .npz, for pytorch-fid and --reference")
    .option(
      "--batch <n>",
      "pictures that go through the network together",
      (text) => parseWhole("--batch", text, 1),
      8,
    );
  command
    .option("--device <name>", `where to run: ${DEVICE_NAMES}`, parseDevice, "cpu")
    .option("-t, --threads <n>", "threads on the CPU (default: all cores)", (text) => parseWhole("--threads", text, 1))
    .option("--json", "print the result as JSON on stdout")
    .addHelpText(
      "after",
      `
Examples:
  deepcache fid coco-val2017 generated --inception pt_inception-2015-12-05-6726825d.pth
  deepcache fid VIRTUAL_imagenet256_labeled.npz generated --metrics fid,sfid,is,precision,recall \\
    --inception pt_inception-2015-12-05-6726825d.pth --inception-input tensorflow
  deepcache fid coco-val2017 --save-stats coco.npz --inception pt_inception-2015-12-05-6726825d.pth`,
    )
    .action((reference: string, pictures: string | undefined, flags: Flags) =>
      interruptible((signal) => run(reference, pictures, flags, signal, terminal)),
    );
}

async function run(
  reference: string,
  pictures: string | undefined,
  flags: Flags,
  signal: AbortSignal,
  terminal: Terminal,
): Promise<void> {
  const { saveStats, batch, inceptionInput: input } = flags;
  if (pictures === undefined && (saveStats === undefined || flags.metrics !== undefined)) {
    throw new UsageError(`Cannot compare "${reference}" with nothing: give a second folder, or --save-stats alone`);
  }
  if (saveStats !== undefined) await checkWritable(saveStats);
  const metrics = pictures === undefined ? [] : (flags.metrics ?? ["fid"]);
  const against = pictures === undefined ? { statistics: {} } : await openReference(reference, metrics);
  const judged = await pictureFolder(pictures ?? reference);
  const weights = await openInception(flags.inception, conversion(terminal, signal));
  const wanted = [...outputsFor(metrics), ...(saveStats === undefined ? [] : SAVED)];
  const outputs = (Object.keys(INCEPTION_WIDTHS) as InceptionOutput[]).filter((output) => wanted.includes(output));
  await using network = inceptionInstrument(runtimeOf(flags), weights, outputs, { batch, input });

  const folder = mkdtempSync(join(tmpdir(), "deepcache-fid-"));
  const store = folderStore(folder);
  try {
    const count = judged.count + (against.images?.count ?? 0);
    const bar = terminal.progress(count);
    let done = 0;
    const watched = ({ count, read }: ReferenceImages): ReferenceImages => ({
      count,
      async read(begin, end) {
        signal.throwIfAborted();
        done += end - begin;
        bar.update(done, "pictures");
        return await read(begin, end);
      },
    });
    try {
      await extractImages(store, network, JUDGED, watched(judged), batch);
      const { images, ...rest } = against;
      await settleReference(store, network, images ? { ...rest, images: watched(images) } : rest, batch);
    } finally {
      bar.stop();
    }
    const samples = (output: InceptionOutput, of: string) =>
      storedSamples(store, featureFile(output, of), INCEPTION_WIDTHS[output]);
    const values = Object.fromEntries(
      metrics.map((name) => [
        name,
        measureSet(name, (output) => ({
          own: samples(output as InceptionOutput, JUDGED),
          statistics: () => readReference(store, output),
          reference: () => samples(output as InceptionOutput, "reference"),
        })),
      ]),
    );
    if (saveStats !== undefined) {
      const statistics = SAVED.map((output): [InceptionOutput, FeatureStatistics] => [
        output,
        featureStatistics(samples(output, JUDGED)),
      ]);
      makeFolderOf(saveStats);
      await writeReferenceStatistics(saveStats, Object.fromEntries(statistics));
    }
    if (flags.json === true)
      terminal.printJson({ pictures: judged.count, reference: against.images?.count, ...values });
    else print(values, saveStats, terminal);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** What the pictures to judge are called in the store. */
const JUDGED = "pictures";

/** Features whose statistics are saved. */
const SAVED = ["pool", "spatial"] as const;

function print(values: Readonly<Record<string, number>>, saved: string | undefined, terminal: Terminal): void {
  const rows = Object.entries(values).map(([name, value]) => {
    const { label, digits } = measureNamed(name as MeasureName);
    return [label, value.toFixed(digits + 2)];
  });
  if (rows.length > 0) terminal.print(table(rows));
  if (saved !== undefined) terminal.print(saved);
}

function parseMetrics(text: string): MeasureName[] {
  return text.split(",").map((part) => {
    const found = METRICS.find((name) => name === part.trim());
    if (found !== undefined) return found;
    throw new UsageError(`Cannot use --metrics "${part.trim()}": allowed are ${METRICS.join(", ")}`);
  });
}
