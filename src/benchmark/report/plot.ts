import type { BenchmarkReport, BranchReport, ByInterval, RunReport } from "./report.ts";

const WIDTH = 720;
const HEIGHT = 440;
const MARGIN = { left: 64, right: 190, top: 48, bottom: 56 };
/** Okabe and Ito's colours, which stay apart for colour-blind eyes. */
const COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00"];
const INK = "#333";
const GRID = "#ddd";

/** Places numbers on the page. */
interface Scale {
  readonly x: (interval: number) => number;
  readonly y: (speedup: number) => number;
}

/** Speed-up against interval as an SVG: measured medians, their limit dashed, whole runs as circles. */
export function speedupPlot(report: BenchmarkReport): string {
  const { branches, runs, architecture, machine, batch } = report;
  const intervals = Object.keys(branches[0]?.speedup ?? {}).map(Number);
  const highest = Math.max(
    ...branches.flatMap((b) => [...Object.values(b.hoistedLimit), ...Object.values(b.speedup)]),
    2,
  );
  const right = Math.max(...intervals, 2);
  const step = tickStep(highest - 1);
  const top = 1 + step * Math.ceil((highest - 1) / step);
  const scale: Scale = {
    x: (interval) => MARGIN.left + ((interval - 1) / (right - 1)) * (WIDTH - MARGIN.left - MARGIN.right),
    y: (speedup) => HEIGHT - MARGIN.bottom - ((speedup - 1) / (top - 1)) * (HEIGHT - MARGIN.top - MARGIN.bottom),
  };
  const ticks = Array.from({ length: Math.round((top - 1) / step) + 1 }, (_, i) => 1 + i * step);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" font-family="sans-serif" font-size="13" fill="${INK}">`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>`,
    text(
      MARGIN.left,
      22,
      `${architecture}, batch ${batch}: speed-up against interval`,
      'font-size="15" font-weight="bold"',
    ),
    text(MARGIN.left, 39, `${machine.cpu}, ${machine.device}`, 'font-size="11" fill="#666"'),
    ...axes(scale, [1, ...intervals], ticks),
    ...branches.flatMap((branch, i) => series(branch, runs, scale, COLOURS[i % COLOURS.length] ?? INK)),
    ...legend(branches, runs),
    "</svg>",
    "",
  ].join("\n");
}

function axes({ x, y }: Scale, intervals: readonly number[], ticks: readonly number[]): string[] {
  const [left, right] = [MARGIN.left, WIDTH - MARGIN.right];
  const [top, bottom] = [MARGIN.top, HEIGHT - MARGIN.bottom];
  const middle = (top + bottom) / 2;
  return [
    ...ticks.flatMap((tick) => [
      line(left, y(tick), right, y(tick), `stroke="${GRID}"`),
      text(left - 8, y(tick) + 4, `${Number(tick.toFixed(2))}×`, 'text-anchor="end"'),
    ]),
    ...intervals.flatMap((interval) => [
      line(x(interval), bottom, x(interval), bottom + 5, `stroke="${INK}"`),
      text(x(interval), bottom + 19, String(interval), 'text-anchor="middle"'),
    ]),
    line(left, bottom, right, bottom, `stroke="${INK}"`),
    line(left, top, left, bottom, `stroke="${INK}"`),
    text(
      (left + right) / 2,
      HEIGHT - 14,
      "interval N: the whole network on every N-th evaluation",
      'text-anchor="middle"',
    ),
    text(18, middle, "speed-up", `text-anchor="middle" transform="rotate(-90 18 ${middle})"`),
  ];
}

function series(branch: BranchReport, runs: readonly RunReport[], scale: Scale, colour: string): string[] {
  const points = pointsOf(branch.speedup);
  const own = runs.flatMap(({ policy, speedup, branch: at }) =>
    policy.kind === "uniform" && at === branch.branch && policy.interval in branch.speedup
      ? [[policy.interval, speedup] as const]
      : [],
  );
  return [
    polyline(pointsOf(branch.hoistedLimit), scale, `stroke="${colour}" stroke-dasharray="5 4" stroke-width="1.5"`),
    polyline(points, scale, `stroke="${colour}" stroke-width="2"`),
    ...points.slice(1).map(([n, value]) => circle(scale.x(n), scale.y(value), 3.5, `fill="${colour}"`)),
    ...own.map(([n, value]) =>
      circle(scale.x(n), scale.y(value), 6, `fill="none" stroke="${colour}" stroke-width="1.5"`),
    ),
  ];
}

/** Interval 1 gives nothing, by definition. */
const pointsOf = (values: ByInterval): (readonly [number, number])[] => [
  [1, 1],
  ...Object.entries(values).map(([interval, value]) => [Number(interval), value] as const),
];

function legend(branches: readonly BranchReport[], runs: readonly RunReport[]): string[] {
  const x = WIDTH - MARGIN.right + 20;
  let y = MARGIN.top + 8;
  const entry = (sign: (y: number) => string, label: string): string[] => {
    const lines = [sign(y), text(x + 36, y + 4, label)];
    y += 22;
    return lines;
  };
  return [
    ...branches.flatMap(({ branch }, i) => {
      const colour = COLOURS[i % COLOURS.length] ?? INK;
      return [
        ...entry((at) => line(x, at, x + 28, at, `stroke="${colour}" stroke-width="2"`), `branch ${branch}, medians`),
        ...entry(
          (at) => line(x, at, x + 28, at, `stroke="${colour}" stroke-dasharray="5 4" stroke-width="1.5"`),
          "its MAC limit",
        ),
      ];
    }),
    ...(runs.some(({ policy }) => policy.kind === "uniform")
      ? entry((at) => circle(x + 14, at, 6, `fill="none" stroke="${INK}" stroke-width="1.5"`), "whole runs")
      : []),
  ];
}

/** 1, 2 or 5 times a power of ten, so that about six ticks cover `range`. */
function tickStep(range: number): number {
  const rough = range / 6;
  const power = 10 ** Math.floor(Math.log10(rough));
  return power * ([1, 2, 5].find((factor) => factor * power >= rough) ?? 10);
}

const fixed = (value: number): string => String(Number(value.toFixed(1)));
const line = (x1: number, y1: number, x2: number, y2: number, style: string): string =>
  `<line x1="${fixed(x1)}" y1="${fixed(y1)}" x2="${fixed(x2)}" y2="${fixed(y2)}" ${style}/>`;
const circle = (x: number, y: number, radius: number, style: string): string =>
  `<circle cx="${fixed(x)}" cy="${fixed(y)}" r="${radius}" ${style}/>`;
const text = (x: number, y: number, content: string, style = ""): string =>
  `<text x="${fixed(x)}" y="${fixed(y)}" ${style}>${escaped(content)}</text>`;
const polyline = (points: readonly (readonly [number, number])[], { x, y }: Scale, style: string): string =>
  `<polyline fill="none" points="${points.map(([n, value]) => `${fixed(x(n))},${fixed(y(value))}`).join(" ")}" ${style}/>`;
const escaped = (content: string): string =>
  content.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
