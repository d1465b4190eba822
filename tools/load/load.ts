/** How much is asked of a server, and how. */
export interface LoadOptions {
  readonly url: string;
  readonly requests: number;
  readonly atOnce: number;
  readonly steps?: number;
  readonly model?: string;
  /** Resident bytes of the server. */
  readonly memory: () => Promise<number>;
}

/** What came of it. */
export interface LoadReport {
  readonly requests: number;
  readonly atOnce: number;
  readonly seconds: number;
  /** Answered with a picture. */
  readonly pictures: number;
  /** Ended by the client, midway. */
  readonly cancelled: number;
  /** Malformed, and refused with 4xx. */
  readonly refused: number;
  /** Everything else, each with what it was: there should be none. */
  readonly lost: readonly string[];
  /** Milliseconds in which health was answered. */
  readonly health: { readonly count: number; readonly median: number; readonly most: number };
  /** Seconds to an answer with a picture. */
  readonly answers: { readonly median: number; readonly most: number };
  /** Resident bytes after a tenth of the requests, at the end, and what a straight line through all samples grows by for each request. */
  readonly memory: { readonly early: number; readonly end: number; readonly perRequest: number };
  /** Jobs that wait or run when everything is over. */
  readonly left: number;
}

/** A report as a table for a page. */
export function loadTable({ requests, atOnce, seconds, ...report }: LoadReport): string {
  const { pictures, cancelled, refused, lost, left, health, answers, memory } = report;
  const mib = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(0)} MiB`;
  return table("of a server", [
    ["requests, at a time", `${requests}, ${atOnce}`],
    ["seconds", seconds.toFixed(0)],
    ["pictures; cancelled midway; malformed, refused with 4xx", `${pictures}; ${cancelled}; ${refused}`],
    ["lost, or answered in another way; jobs left over", `${lost.length}; ${left}`],
    ["seconds to a picture, median and most", `${answers.median.toFixed(1)}, ${answers.most.toFixed(1)}`],
    ["milliseconds to an answer on health, median and most", `${health.median.toFixed(0)}, ${health.most.toFixed(0)}`],
    ["resident memory after a tenth, at the end", `${mib(memory.early)}, ${mib(memory.end)}`],
    ["growth of resident memory for each request", `${(memory.perRequest / 1024).toFixed(1)} KiB`],
  ]);
}

/** Rows of two columns for a page. */
export const table = (title: string, rows: readonly (readonly [string, string])[]): string =>
  [`| ${title} | |`, "| --- | --: |", ...rows.map((row) => `| ${row.join(" | ")} |`)].join("\n");

type Fate = "picture" | "cancelled" | "malformed";

/** Every tenth request is left by its client midway, and every tenth is malformed. */
const fateOf = (index: number): Fate => (index % 10 === 3 ? "cancelled" : index % 10 === 7 ? "malformed" : "picture");

const MALFORMED = [
  ["/v1/images/generations", '{"prompt":'],
  ["/v1/images/generations", '{"prompt":"a","size":"1000000x1000000"}'],
  ["/sdapi/v1/txt2img", '{"prompt":"a","steps":-1}'],
  ["/sdapi/v1/img2img", '{"prompt":"a","init_images":["http://10.0.0.1/"]}'],
  ["/jobs", '{"options":{"prompt":"a","cache":"never"}}'],
] as const;

/** Asks a server for pictures and watches its health and memory. */
export async function load(options: LoadOptions): Promise<LoadReport> {
  const { url, requests, atOnce, memory } = options;
  const lost: string[] = [];
  const counts = { picture: 0, cancelled: 0, malformed: 0 };
  const answers: number[] = [];
  const sizes: (readonly [number, number])[] = [];
  const health = watchHealth(url);
  const begin = performance.now();
  let next = 0;
  const client = async (): Promise<void> => {
    for (let index = next++; index < requests; index = next++) {
      const fate = fateOf(index);
      const since = performance.now();
      const problem = await askOnce(options, index, fate).catch((error: unknown) => String(error));
      if (problem === undefined) counts[fate]++;
      else lost.push(`${index} ${fate}: ${problem}`);
      if (fate === "picture") answers.push((performance.now() - since) / 1000);
      if (index % 10 === 9) sizes.push([index, await memory()]);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, client));
  const seconds = (performance.now() - begin) / 1000;
  const late = sizes.filter(([index]) => index >= requests / 10);
  return {
    ...{ requests, atOnce, seconds, lost },
    ...{ pictures: counts.picture, cancelled: counts.cancelled, refused: counts.malformed },
    health: health.stop(),
    answers: { median: median(answers), most: Math.max(0, ...answers) },
    memory: { early: late[0]?.[1] ?? 0, end: await memory(), perRequest: slope(late) },
    left: await jobsLeft(url),
  };
}

/** What was wrong with an answer; nothing where it was as it should be. */
async function askOnce(options: LoadOptions, index: number, fate: Fate): Promise<string | undefined> {
  const headers = { "content-type": "application/json" };
  if (fate === "malformed") {
    const [path, body] = MALFORMED[Math.floor(index / 10) % MALFORMED.length] ?? MALFORMED[0];
    const response = await fetch(options.url + path, { method: "POST", headers, body });
    const { status } = response;
    const text = await response.text();
    if (path === "/jobs" && status === 202) return undefined; // it fails as a job
    return status >= 400 && status < 500 ? undefined : `${status} ${text.slice(0, 200)}`;
  }
  const { path, body } = requestOf(options, index);
  const controller = new AbortController();
  if (fate === "cancelled") setTimeout(() => controller.abort(), 20 + (index % 7) * 60);
  try {
    const sent = { method: "POST", headers, body: JSON.stringify(body), signal: controller.signal };
    const response = await fetch(options.url + path, sent);
    const text = await response.text();
    if (response.status !== 200) return `${response.status} ${text.slice(0, 200)}`;
    return /"(?:b64_json|images)":\[?"iVBOR/.test(text) ? undefined : `no picture: ${text.slice(0, 200)}`;
  } catch (error) {
    if (controller.signal.aborted) return undefined;
    throw error;
  }
}

/** The interfaces take turns. */
function requestOf({ steps = 4, model }: LoadOptions, index: number): { readonly path: string; readonly body: object } {
  const prompt = `a ${["fox", "owl", "panda", "penguin"][index % 4]} on a teal background`;
  return index % 2 === 0
    ? { path: "/v1/images/generations", body: { prompt, model, steps, seed: index, cache: 2 } }
    : { path: "/sdapi/v1/txt2img", body: { prompt, steps, seed: index } };
}

function watchHealth(url: string): { stop(): LoadReport["health"] } {
  const times: number[] = [];
  let stopped = false;
  const watch = async (): Promise<void> => {
    while (!stopped) {
      const begin = performance.now();
      const response = await fetch(`${url}/health`).catch(() => undefined);
      times.push(response?.status === 200 ? performance.now() - begin : Number.POSITIVE_INFINITY);
      await response?.text();
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  };
  void watch();
  return {
    stop() {
      stopped = true;
      return { count: times.length, median: median(times), most: Math.max(...times) };
    },
  };
}

async function jobsLeft(url: string): Promise<number> {
  const deadline = performance.now() + 10_000;
  while (true) {
    const { waiting, running } = (await (await fetch(`${url}/ready`)).json()) as { waiting: number; running: number };
    if (waiting + running === 0 || performance.now() > deadline) return waiting + running;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

/** Of the straight line through points, by least squares. */
function slope(points: readonly (readonly [number, number])[]): number {
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [x, y] = [mean(points.map(([a]) => a)), mean(points.map(([, b]) => b))];
  const [above, below] = points.reduce(([a, b], [px, py]) => [a + (px - x) * (py - y), b + (px - x) ** 2], [0, 0]);
  return below === 0 ? 0 : above / below;
}
