import type { MeasureSummary, PolicySummary, Summary } from "../analysis/policy-summary.ts";
import type { PolicyTimes } from "../analysis/times.ts";
import { verdictText } from "../analysis/verdicts.ts";
import { MEASURE_NAMES, type MeasureName, measureNamed } from "../measures.ts";

/** A table as text, with a line that says what a column means where its title does not. */
export interface ReportTable {
  readonly columns: readonly { readonly title: string; readonly meaning: string }[];
  readonly rows: readonly (readonly string[])[];
}

interface Column {
  readonly title: string;
  readonly meaning: string;
  readonly cell: (policy: PolicySummary, times: PolicyTimes | undefined) => string;
}

/** Policies as rows: what they cost and how good their images are. */
export function reportTable(summary: Summary, times: readonly PolicyTimes[]): ReportTable {
  const columns = [...costColumns(times), ...measuresOf(summary).flatMap(measureColumns)];
  return {
    columns,
    rows: summary.policies.map((policy) =>
      columns.map(({ cell }) =>
        cell(
          policy,
          times.find(({ name }) => name === policy.name),
        ),
      ),
    ),
  };
}

/** The measures that any policy has. */
export function measuresOf({ policies }: Summary): MeasureName[] {
  return MEASURE_NAMES.filter((name) => policies.some(({ measures }) => measures[name] !== undefined));
}

function costColumns(times: readonly PolicyTimes[]): Column[] {
  const cost: Column[] = [
    { title: "policy", meaning: "as asked for by --policies", cell: ({ name }) => name },
    {
      title: "full",
      meaning: "evaluations that run the whole network, of all evaluations of a run",
      cell: ({ full, evaluations }) => `${full.length}/${evaluations}`,
    },
    {
      title: "GMACs",
      meaning: "10⁹ multiply-accumulate operations of denoising one image",
      cell: ({ macs }) => (macs / 1e9).toPrecision(4),
    },
    {
      title: "FSE",
      meaning: "full-step equivalents: full evaluations + cached ones weighted by their share of operations",
      cell: ({ fse }) => fse.toFixed(2),
    },
  ];
  if (times.length === 0) return cost;
  const second: Column = {
    title: "s/image",
    meaning: "measured seconds of denoising one image, median over batches; policies took turns batch by batch",
    cell: (_, time) => time?.secondsPerImage.toPrecision(3) ?? "",
  };
  const speedup: Column = {
    title: "speed-up",
    meaning: "the baseline's seconds over the policy's",
    cell: (_, time) => (time?.speedup === undefined ? "" : `${time.speedup.toFixed(2)}x`),
  };
  return times.some((time) => time.speedup !== undefined) ? [...cost, second, speedup] : [...cost, second];
}

function measureColumns(name: MeasureName): Column[] {
  const { label, unit, digits, better, scope, isShare } = measureNamed(name);
  const title = unit === "" ? label : `${label} (${unit})`;
  const value = ({ measures }: PolicySummary): string => intervalText(measures[name], digits);
  const difference: Column = {
    title: "change",
    meaning: `${label} less the baseline's, paired image by image, with its 95 % interval`,
    cell: ({ measures }) => {
      const change = measures[name]?.difference;
      return change === undefined ? "" : intervalText(change, digits, "+");
    },
  };
  if (scope === "set") {
    const meaning = `of all images of the policy with its 95 % jackknife interval; ${better} is better`;
    return [{ title, meaning, cell: value }, difference];
  }
  const worst: Column = {
    title: `worst 5 %`,
    meaning: `mean ${label} of the worst twentieth of the images`,
    cell: ({ measures }) => measures[name]?.worst?.toFixed(digits) ?? "",
  };
  const meaning = `mean over the images with its 95 % bootstrap interval; ${better} is better`;
  if (scope === "pair") {
    return [{ title, meaning: `against the baseline's image of the same seed: ${meaning}`, cell: value }, worst];
  }
  return [{ title, meaning, cell: value }, difference, ...(isShare ? [] : [worst])];
}

/** "32.41 [31.90, 32.88]" */
function intervalText(
  summary: Pick<MeasureSummary, "mean" | "low" | "high"> | undefined,
  digits: number,
  plus = "",
): string {
  if (summary === undefined) return "";
  const { mean, low, high } = summary;
  const shown = (value: number): string => `${value > 0 ? plus : ""}${value.toFixed(digits)}`;
  return low === undefined || high === undefined ? shown(mean) : `${shown(mean)} [${shown(low)}, ${shown(high)}]`;
}

/** What a verdict is. */
export const VERDICTS =
  "Each cache beside runs that take no more operations without one (up to 5 %), the dearest of every sampler, other " +
  "schedules beside the uniform one that costs the same, forecasts beside copies of the same sampler. A policy loses " +
  "where the 95 % interval of the paired difference lies on the wrong side of 0 for some measure, beats the run where one " +
  "lies on the right side and none on the wrong one, and ties where all hold 0. Of many intervals some miss 0 by chance.";

/** Policies with a cache as rows: how they fare against fewer steps of every sampler and against other caches. */
export function verdictTable({ policies }: Summary): ReportTable {
  const judged = policies.filter(({ equalCompute }) => equalCompute.length > 0);
  const rivals = new Map(
    policies.map(({ name, cache, sampler }) => [
      name,
      cache.kind === "off" ? `fewer steps of ${sampler}` : "other caches",
    ]),
  );
  const titles = new Set(judged.flatMap(({ equalCompute }) => equalCompute.map(({ against }) => rivals.get(against)!)));
  return {
    columns: [
      { title: "policy", meaning: "as asked for by --policies" },
      ...[...titles].map((title) => ({ title: `against ${title}`, meaning: "of like cost" })),
    ],
    rows: judged.map(({ name, equalCompute }) => [
      name,
      ...[...titles].map((title) =>
        verdictText({ equalCompute: equalCompute.filter(({ against }) => rivals.get(against) === title) }),
      ),
    ]),
  };
}
