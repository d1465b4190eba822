import { createHash } from "node:crypto";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { fileSource } from "../../src/checkpoint/bytes/byte-sources/file.ts";
import { openNpz, writeNpz } from "../../src/checkpoint/numpy/npz.ts";
import { writeSafetensors } from "../../src/checkpoint/safetensors/write-safetensors.ts";
import type { Summary } from "../../src/evaluation/analysis/policy-summary.ts";
import { encodePng } from "../../src/image/png.ts";
import { rgbImage } from "../../src/image/rgb-image.ts";
import { DIGITS_OF_FID } from "../metrics/precision.ts";
import { runCli } from "../support/cli.ts";
import { fixturePath, readFixture, readJson } from "../support/fixtures.ts";
import { inceptionWeights } from "../support/models/inception-weights.ts";

const folder = mkdtempSync(join(tmpdir(), "deepcache-fid-"));
afterAll(() => rmSync(folder, { recursive: true }));
const at = (...names: string[]): string => join(folder, ...names);

const expected = readJson("inception/expected.json") as Record<"fid" | "sfid" | "inceptionScore", number>;
const INCEPTION = ["--inception", at("inception.safetensors")];

function writePictures(set: "real" | "generated"): void {
  const { data, shape } = readFixture("inception/expected.safetensors").tensor(`${set}.pictures`);
  const [count = 0, height = 0, width = 0] = shape;
  mkdirSync(at(set));
  for (let i = 0; i < count; i++) {
    const bytes = Uint8Array.from(data.subarray(i * width * height * 3, (i + 1) * width * height * 3));
    writeFileSync(at(set, `${i}.png`), encodePng(rgbImage(width, height, bytes)));
  }
}

beforeAll(async () => {
  await writeSafetensors(at("inception.safetensors"), inceptionWeights());
  for (const set of ["real", "generated"] as const) writePictures(set);
  mkdirSync(at("empty"));
});

describe("deepcache fid", () => {
  test("says of two folders what pytorch-fid says", async () => {
    const run = await runCli(
      "fid",
      at("real"),
      at("generated"),
      ...INCEPTION,
      "--metrics",
      "fid,sfid,is,precision,recall",
      "--json",
    );
    expect(run).toMatchObject({ code: 0, stderr: "" });
    const values = run.json<Record<string, number>>();
    expect(values).toMatchObject({ pictures: 5, reference: 6 });
    expect(values["fid"]).toBeCloseTo(expected.fid, DIGITS_OF_FID);
    expect(values["sfid"]).toBeCloseTo(expected.sfid, DIGITS_OF_FID);
    for (const name of ["precision", "recall"]) {
      expect(values[name]).toBeGreaterThanOrEqual(0);
      expect(values[name]).toBeLessThanOrEqual(1);
    }
  });

  test("says the same of statistics that it has written, in batches of another size", async () => {
    const saved = await runCli("fid", at("real"), "--save-stats", at("real.npz"), ...INCEPTION, "--batch", "4");
    expect(saved).toMatchObject({ code: 0, stderr: "", stdout: `${at("real.npz")}\n` });
    const shapes = [...(await openNpz(await fileSource(at("real.npz")))).values()].map(({ name, shape }) => [
      name,
      ...shape,
    ]);
    expect(shapes).toEqual([
      ["mu", 2048],
      ["sigma", 2048, 2048],
      ["mu_s", 2023],
      ["sigma_s", 2023, 2023],
    ]);
    const run = await runCli("fid", at("real.npz"), at("generated"), ...INCEPTION, "--metrics", "fid,sfid");
    const [, fid, sfid] = /^FID +(\d+\.\d{4})\nsFID +(\d+\.\d{4})\n$/.exec(run.stdout) ?? [];
    expect(Number(fid)).toBeCloseTo(expected.fid, DIGITS_OF_FID);
    expect(Number(sfid)).toBeCloseTo(expected.sfid, DIGITS_OF_FID);
  });

  test.each([
    [["real"], "Cannot compare", "with nothing: give a second folder, or --save-stats alone"],
    [["real", "empty"], "Cannot compare with", "at least 2 PNG, JPEG or WebP files are required"],
    [["nowhere", "real"], "Cannot read the reference", "no such file or folder"],
    [["inception.safetensors", "real"], "Cannot compare with", "a folder of pictures or a .npz file is required"],
    [["other.npz", "real"], "Cannot read reference statistics", "holds a where mu and sigma, or arr_0, are required"],
    [
      ["narrow.npz", "real"],
      "Cannot read reference statistics",
      "mu and sigma are [3] and [3,3] where [2048] and [2048,2048]",
    ],
    [
      ["real", "real", "--metrics", "fid,psnr"],
      'Cannot use --metrics "psnr"',
      "allowed are fid, sfid, is, precision, recall",
    ],
    [
      ["real", "real", "--inception-input", "jax"],
      "Cannot use --inception-input jax",
      "pytorch-fid, tensorflow is required",
    ],
    [["real", "real", "--batch", "0"], "--batch", "1"],
  ])("refuses %j", async (args, ...message) => {
    await writeNpz(at("other.npz"), { a: { data: new Float64Array(3), shape: [3] } });
    const covariance = { data: new Float64Array(9), shape: [3, 3] };
    await writeNpz(at("narrow.npz"), { mu: { data: new Float64Array(3), shape: [3] }, sigma: covariance });
    const places = args.map((arg) => (/^(real|empty|nowhere|.*\.\w+)$/.test(arg) ? at(arg) : arg));
    const run = await runCli("fid", ...places, ...INCEPTION);
    expect(run.code).toBe(/^(nowhere|.*npz)$/.test(args[0] ?? "") ? 1 : 2); // a file is at fault, or the command line
    for (const part of message) expect(run.stderr).toContain(part);
  });
});

describe("deepcache eval with Inception", () => {
  const args = [
    ...["--model", fixturePath("pipelines/ddpm/model"), "--count", "5", "--batch", "2", "--steps", "3", "--seed", "4"],
    ...[
      "--policies",
      "off,uniform:3:0",
      "--metrics",
      "fid,sfid,is,precision,recall",
      "--reference",
      at("real"),
      ...INCEPTION,
    ],
  ];
  /** Digests of the files that do not depend on how long things took. */
  const contents = (name: string): Record<string, string> =>
    Object.fromEntries(
      readdirSync(at(name), { recursive: true, encoding: "utf8" })
        .filter((file) => !/timings|times|report/.test(file) && statSync(at(name, file)).isFile())
        .map((file) => [
          file,
          createHash("sha256")
            .update(readFileSync(at(name, file)))
            .digest("hex"),
        ]),
    );

  test("measures sets, goes on where it was stopped, and merges shards into what one run gives", async () => {
    const run = await runCli("eval", ...args, "--output", at("whole"), "--json");
    expect(run).toMatchObject({ code: 0, stderr: "" });
    const [off, uniform] = run.json<Summary>().policies;
    expect(Object.keys(uniform?.measures ?? {})).toEqual(["fid", "sfid", "is", "precision", "recall"]);
    expect(off?.measures.fid?.mean).toBeGreaterThan(0);
    const whole = contents("whole");

    truncateSync(at("whole", "features", "pool", "off.f32"), 4 * 2048 + 5);
    truncateSync(at("whole", "features", "pool", "reference.f32"), 7);
    truncateSync(at("whole", "results.jsonl"), 200);
    expect(await runCli("eval", ...args, "--output", at("whole"))).toMatchObject({ code: 0 });
    expect(contents("whole")).toEqual(whole);

    for (const shard of ["1/2", "2/2"]) {
      await runCli("eval", ...args, "--shard", shard, "--output", at(`shard-${shard[0]}`));
    }
    const merged = await runCli("eval", "--merge", at("shard-1"), at("shard-2"), "--output", at("merged"));
    expect(merged).toMatchObject({ code: 0, stderr: "" });
    expect(contents("merged")).toEqual(whole);
  }, 240_000);

  test.each([
    [["--metrics", "fid"], "Cannot measure fid without --inception"],
    [["--metrics", "fid", ...INCEPTION], "Cannot measure fid without --reference"],
    [["--metrics", "recall", ...INCEPTION], "Cannot measure recall without --reference"],
    [["--metrics", "psnr", ...INCEPTION], "Cannot use --inception: none of --metrics needs it"],
    [
      ["--metrics", "psnr", "--inception-input", "tensorflow"],
      "Cannot use --inception-input: none of --metrics needs it",
    ],
  ])("refuses %j", async (more, message) => {
    const ddpm = ["--model", fixturePath("pipelines/ddpm/model"), "--count", "2", "--policies", "off,steps:2"];
    const run = await runCli("eval", ...ddpm, ...more, "--output", at("refused"));
    expect(run.code).toBe(2);
    expect(run.stderr).toContain(message);
  });
});
