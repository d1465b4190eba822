import { shrink } from "../../image/geometry/shrink.ts";
import { encodePng } from "../../image/png.ts";
import type { RgbImage } from "../../image/rgb-image.ts";
import { kindOf, STYLES } from "../../plot/colors.ts";
import { MOST_IN_HALF } from "../../plot/frame.ts";
import { element, escaped } from "../../plot/markup.ts";
import { marker, scatter } from "../../plot/scatter.ts";
import { TIMELINE_LEGEND, timeline } from "../../plot/timeline.ts";
import type { PolicySummary, Summary } from "../analysis/policy-summary.ts";
import type { PolicyTimes } from "../analysis/times.ts";
import { worstCases } from "../analysis/worst-cases.ts";
import { readImage } from "../evaluate.ts";
import { type MeasureName, measureNamed } from "../measures.ts";
import { imageFile } from "../store/records.ts";
import type { EvaluationSettings } from "../store/settings.ts";
import type { Store } from "../store/store.ts";
import { isBaseline } from "../workload/items.ts";
import { CSS } from "./style.ts";
import { measuresOf, type ReportTable, reportTable, VERDICTS, verdictTable } from "./table.ts";

/** What a report shows. */
export interface ReportOptions {
  readonly title: string;
  readonly settings: EvaluationSettings;
  readonly summary: Summary;
  readonly times: readonly PolicyTimes[];
  readonly store: Store;
  /** What the times were measured on. */
  readonly machine: string;
}

/** Rows of the grid, and its pictures unless that leaves fewer than `LEAST_CASES` rows. */
const [MOST_CASES, LEAST_CASES, MOST_PICTURES] = [12, 3, 360];
/** Larger pictures are shown smaller, so that the file stays small. */
const LARGEST_PICTURE = 256;

/** The whole evaluation as one HTML file that needs nothing else: no network, no scripts. */
export function reportPage(options: ReportOptions): string {
  const { title, settings, summary } = options;
  const body = [
    element("h1", {}, escaped(title)),
    element("p", {}, escaped(intro(options))),
    section("Table", tableOf(options)),
    section("At equal compute", verdictsIn(options)),
    section("Quality and cost", plots(options)),
    section("Evaluations over time", timelineOf(options)),
    section("Side by side, the worst first", gridOf(options)),
    section("Settings", element("pre", {}, escaped(JSON.stringify(settings, null, 2)))),
  ].join("\n");
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(title)}: ${summary.images} images</title>
<style>${CSS}</style>
</head>
<body>
${body}
</body>
</html>
`;
}

const section = (title: string, content: string): string =>
  content === "" ? "" : element("section", {}, `${element("h2", {}, title)}\n${content}`);

function intro({ summary, settings, machine }: ReportOptions): string {
  const baseline = summary.baseline === undefined ? "" : ` "${summary.baseline}" is the baseline.`;
  return (
    `${summary.images} images per policy, image i from seed ${settings.seed} + i and the same noise under every policy.` +
    `${baseline} Times: ${machine}.`
  );
}

function tableOf({ summary, times }: ReportOptions): string {
  const table = reportTable(summary, times);
  const meanings = table.columns.map(
    ({ title, meaning }) => `${element("dt", {}, escaped(title))}${element("dd", {}, escaped(meaning))}`,
  );
  const legend = element(
    "details",
    {},
    `<summary>What the columns mean</summary>${element("dl", {}, meanings.join("\n"))}`,
  );
  return `${htmlTable(table)}\n${legend}`;
}

function verdictsIn({ summary }: ReportOptions): string {
  const table = verdictTable(summary);
  if (table.rows.length === 0) return "";
  return `${element("p", {}, escaped(VERDICTS))}\n${htmlTable(table, "words")}`;
}

function htmlTable({ columns, rows }: ReportTable, kind?: string): string {
  const head = columns.map(({ title, meaning }) => element("th", { title: meaning }, escaped(title))).join("");
  const body = rows.map((cells) => element("tr", {}, cells.map((cell) => element("td", {}, escaped(cell))).join("")));
  const table = element("table", { class: kind }, `<thead><tr>${head}</tr></thead><tbody>${body.join("\n")}</tbody>`);
  return element("div", { class: "wide" }, table);
}

function plots({ summary, times }: ReportOptions): string {
  const figures = measuresOf(summary).flatMap((name) => {
    const measured = summary.policies.filter(({ measures }) => measures[name] !== undefined);
    if (measured.length < 2) return [];
    const { label, unit, better } = measureNamed(name);
    const yLabel = unit === "" ? label : `${label} in ${unit}`;
    const point = (policy: PolicySummary, x: number) => {
      const { mean: y = 0, low, high } = policy.measures[name] ?? {};
      return { label: policy.name, x, y, low, high, style: styleOf(policy, summary), series: seriesOf(policy) };
    };
    const original = summary.policies.find((policy) => policy.name === summary.baseline);
    const originalTime = times.find((time) => time.name === summary.baseline);
    const byFse = measured.map((policy) => point(policy, policy.fse));
    const byTime = measured.flatMap((policy) => {
      const own = times.find((time) => time.name === policy.name);
      return own === undefined ? [] : [point(policy, own.secondsPerImage)];
    });
    return [
      scatter(byFse, {
        title: `${label} and compute`,
        xLabel: "full-step equivalents per image",
        yLabel,
        better,
        original: original?.fse,
      }),
      ...(byTime.length < 2
        ? []
        : [
            scatter(byTime, {
              title: `${label} and time`,
              xLabel: "measured seconds per image",
              yLabel,
              better,
              original: originalTime?.secondsPerImage,
            }),
          ]),
    ];
  });
  if (figures.length === 0) return "";
  const isCrowded = summary.policies.length > MOST_IN_HALF;
  const kinds = new Set(summary.policies.map((policy) => kindIn(policy, summary)));
  const legend = [...kinds].map((kind) =>
    legendEntry(
      `<svg viewBox="0 0 14 14" width="14" height="14">${marker(7, 7, STYLES[kind])}</svg>`,
      STYLES[kind].label,
    ),
  );
  const note =
    "Bars are 95 % intervals of the mean. The dashed line joins the policies that no other beats in both quality and cost; " +
    "the dotted one is the baseline's cost. Thin lines join runs that differ in their interval or number of steps only. " +
    "Where there are many points, those on the dashed line and the cheapest of every thin line are labelled; the others " +
    "tell their names under the pointer.";
  return `<p class="legend">${legend.join("")}</p><p>${note}</p><div class="${isCrowded ? "figures crowded" : "figures"}">${figures.join("\n")}</div>`;
}

/** Policies that differ in how much they compute only. */
function seriesOf({ name, cache, sampler, steps }: PolicySummary): string {
  if (cache.kind === "off") return sampler;
  return "interval" in cache ? JSON.stringify([sampler, steps, { ...cache, interval: undefined }]) : name;
}

/** The baseline is told by its name: a summary does not say whether sampler and steps were given. */
const kindIn = ({ name, cache }: PolicySummary, { baseline }: Summary): keyof typeof STYLES =>
  name === baseline ? "baseline" : kindOf(cache);

const styleOf = (policy: PolicySummary, summary: Summary) => STYLES[kindIn(policy, summary)];

const legendEntry = (symbol: string, label: string): string => `<span>${symbol} ${escaped(label)}</span>`;

function timelineOf({ summary, times }: ReportOptions): string {
  if (times.length === 0) return "";
  const legend = TIMELINE_LEGEND.map(({ color, label }) =>
    legendEntry(`<svg width="14" height="14"><rect width="14" height="14" fill="${color}"/></svg>`, label),
  );
  return `<p class="legend">${legend.join("")}</p>${element("div", { class: "wide" }, timeline(summary.policies, times))}`;
}

function gridOf({ summary, settings, store }: ReportOptions): string {
  const { baseline } = summary;
  const measure = (["lpips", "psnr"] as string[]).find((name) => measuresOf(summary).includes(name as MeasureName));
  if (baseline === undefined || measure === undefined) return "";
  const name = measure as MeasureName;
  const { label, unit, digits } = measureNamed(name);
  const others = settings.policies.filter((policy) => !isBaseline(policy));
  const cached = others.filter(({ cache }) => cache.kind !== "off");
  const ranked = cached.length > 0 ? cached : others;
  const names = [baseline, ...others.map((policy) => policy.name)];
  const cases = worstCases(
    store,
    name,
    ranked.map((policy) => policy.name),
    Math.min(MOST_CASES, Math.max(LEAST_CASES, Math.floor(MOST_PICTURES / names.length))),
  );
  const head = element("tr", {}, ["", ...names].map((text) => element("th", {}, escaped(text))).join(""));
  const rows = cases.map(({ index, prompt, seed, values }) => {
    const cells = names.map((policy) => {
      const value = values.get(policy);
      const caption = value === undefined ? "original" : `${value.toFixed(digits)} ${unit}`.trim();
      return element(
        "td",
        {},
        `${picture(readImage(store, imageFile(policy, index)), `${prompt}, ${policy}`)}<div>${caption}</div>`,
      );
    });
    const text = `<b>${index}</b> seed ${seed}<br>${escaped(prompt)}`;
    return element("tr", {}, element("th", { scope: "row" }, text) + cells.join(""));
  });
  const what = `The ${cases.length} images with the worst ${label} under any ${cached.length > 0 ? "cache" : "policy"}, of ${summary.images}; below each its ${label} against the baseline's.`;
  return `<p>${escaped(what)}</p>${element("div", { class: "wide" }, element("table", { class: "grid" }, head + rows.join("\n")))}`;
}

/** A picture as a part of the page. */
function picture(image: RgbImage, alt: string): string {
  const factor = Math.max(1, Math.floor(Math.max(image.width, image.height) / LARGEST_PICTURE));
  const shown = factor === 1 ? image : shrink(image, factor);
  const bytes = encodePng(shown);
  const isSmall = shown.width < 128;
  return `<img src="data:image/png;base64,${base64(bytes)}" alt="${escaped(alt)}" width="${isSmall ? 128 : shown.width}"${isSmall ? ' class="small"' : ""}>`;
}

function base64(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
}
