import { describe, expect, test } from "vitest";
import type { JobEvent, JobRequest, JobResult } from "../../../src/server/queue/job.ts";
import type { JobQueue, Work } from "../../../src/server/queue/queue.ts";
import { Refusal } from "../../../src/server/refusal.ts";
import { all } from "../serving.ts";

/** How a queue is made for a test. */
export interface QueueMaking {
  readonly work: Work;
  readonly waiting?: number;
  readonly waitingOfOne?: number;
  readonly perMinute?: number;
  readonly waitingBytes?: number;
}

const RESULT: JobResult = {
  ...{ model: "a", pictures: [], sampler: "euler", steps: 2, policy: { kind: "off" }, warnings: [] },
  ...{ evaluations: 2, fullEvaluations: 2, speedup: 1 },
  seconds: { load: 0, encode: 0, denoise: 0, decode: 0, total: 0 },
};

const job = (name: string, owner = "one", more: Partial<JobRequest> = {}): JobRequest => ({
  ...{ model: "a", options: { name }, owner },
  ...more,
});
const nameOf = ({ options }: JobRequest): string => String(options["name"]);

/** Work that is ended from outside, job by job, by name. */
function handWork() {
  const begun: string[] = [];
  const ends = new Map<string, { end(): void; fail(error: unknown): void; tell(event: JobEvent): void }>();
  const work: Work = (request, { signal, tell }) =>
    new Promise((resolve, reject) => {
      begun.push(nameOf(request));
      ends.set(nameOf(request), { end: () => resolve(RESULT), fail: reject, tell });
      signal.addEventListener("abort", () => reject(signal.reason));
    });
  const named = async (name: string) => {
    await expect.poll(() => ends.has(name)).toBe(true);
    const found = ends.get(name);
    if (found === undefined) throw new Error(`${name} has not begun`);
    return found;
  };
  return { work, begun, named };
}

/** Submits jobs by their names, one after the other. */
async function submitAll(queue: JobQueue, names: readonly string[]): Promise<string[]> {
  const ids: string[] = [];
  for (const name of names) ids.push(await queue.submit(job(name)));
  return ids;
}

/** What queues may differ in. */
export interface QueueTraits {
  /** Whether what waits or is given back stays, to be done by others. */
  readonly outlives: boolean;
}

/** What every queue must do, whatever is behind it. */
export function describeQueue(
  name: string,
  { outlives }: QueueTraits,
  make: (making: QueueMaking) => Promise<JobQueue>,
): void {
  const types = async (queue: JobQueue, id: string): Promise<string[]> =>
    (await all(queue.events(id))).map(({ event }) => event.type);

  describe(name, () => {
    test("does jobs one at a time, in the order in which they come, each once", async () => {
      const { work, begun, named } = handWork();
      await using queue = await make({ work });
      const ids = await submitAll(queue, ["a", "b", "c"]);
      for (const name of ["a", "b", "c"]) {
        const { end } = await named(name);
        expect(await queue.counts()).toMatchObject({ running: 1 });
        end();
      }
      for (const id of ids) expect((await types(queue, id)).at(-1)).toBe("done");
      expect(begun).toEqual(["a", "b", "c"]);
      expect(await queue.counts()).toEqual({ waiting: 0, running: 0 });
      expect(await queue.find(ids[1] ?? "")).toMatchObject({ state: "done", result: RESULT });
    });

    test("does what is more urgent first, and what is as urgent in the order in which it comes", async () => {
      const { work, begun, named } = handWork();
      await using queue = await make({ work });
      await queue.submit(job("runs"));
      await named("runs");
      const ids: string[] = [];
      for (const [name, priority] of Object.entries({ low: -10, usual: undefined, high: 10, also: 0, second: 10 })) {
        ids.push(await queue.submit(job(name, "one", { priority })));
      }
      const places = await Promise.all(ids.map(async (id) => (await queue.find(id))?.position));
      expect(places).toEqual([4, 2, 0, 3, 1]);
      for (const name of ["runs", "high", "second", "usual", "also", "low"]) (await named(name)).end();
      for (const id of ids) await types(queue, id);
      expect(begun).toEqual(["runs", "high", "second", "usual", "also", "low"]);
    });

    test("carries pictures as they are, also large ones, there and back", async () => {
      const data = Uint8Array.from({ length: 10_000 }, (_, i) => i % 251);
      const sent: unknown[] = [];
      const png = Uint8Array.from(data).reverse();
      const picture = { width: 1, height: 1, seed: 1, prompt: '{"$stored":"jobs/a"}', parameters: "", png };
      const result = { ...RESULT, pictures: [picture, { ...picture, png: png.subarray(0, 10) }] };
      const work: Work = async ({ options }, { tell }) => {
        sent.push(options);
        for (const evaluation of [0, 1]) tell({ type: "preview", evaluation, pictures: [png] });
        return result;
      };
      await using queue = await make({ work });
      const image = { width: 100, height: 100, data };
      const options = { image, controlImage: [image], $stored: "jobs/a", odd: { $bytes: "AAAA", $$: 1 } };
      const id = await queue.submit(job("a", "one", { options }));
      const told = await all(queue.events(id));
      expect(sent).toEqual([options]);
      expect(told.at(-1)?.event).toEqual({ type: "done", result });
      expect(told.find(({ event }) => event.type === "preview")?.event).toMatchObject({ pictures: [png] });
      expect(await queue.find(id)).toMatchObject({ preview: [png], result });
    });

    test("refuses pictures that would take too much while they wait, and takes them again after that", async () => {
      const { work, named } = handWork();
      await using queue = await make({ work, waitingBytes: 1000 });
      await queue.submit(job("runs"));
      await named("runs");
      const large = (name: string) => {
        const image = { width: 1, height: 1, data: new Uint8Array(600) };
        return queue.submit(job(name, "one", { options: { name, image } }));
      };
      const first = await large("a");
      await expect(large("b")).rejects.toMatchObject({ status: 429, message: expect.stringContaining("1000 bytes") });
      await queue.submit(job("small"));
      await queue.cancel(first);
      const second = await large("c");
      (await named("runs")).end();
      (await named("small")).end();
      (await named("c")).end();
      expect((await types(queue, second)).at(-1)).toBe("done");
      await large("d");
    });

    test("tells every event in order with its number, also to those who come late or again", async () => {
      const { work, named } = handWork();
      await using queue = await make({ work });
      const id = await queue.submit(job("a"));
      const early = all(queue.events(id));
      const { tell, end } = await named("a");
      tell({ type: "phase", phase: "denoise" });
      tell({ type: "evaluation", evaluation: 0, evaluations: 2, full: true, seconds: 0.1 });
      end();
      const told = await early;
      expect(told.map(({ event }) => event.type)).toEqual(["waiting", "running", "phase", "evaluation", "done"]);
      expect(told.map(({ number }) => number)).toEqual([1, 2, 3, 4, 5]);
      expect(await all(queue.events(id))).toEqual(told);
      expect(await all(queue.events(id, { after: 3 }))).toEqual(told.slice(3));
      expect(await queue.find(id)).toMatchObject({ progress: { done: 1, of: 2 } });
    });

    test("keeps the newest preview alone", async () => {
      const { work, named } = handWork();
      await using queue = await make({ work });
      const id = await queue.submit(job("a"));
      const { tell, end } = await named("a");
      for (const evaluation of [0, 1, 2])
        tell({ type: "preview", evaluation, pictures: [new Uint8Array([evaluation])] });
      end();
      await types(queue, id);
      const previews = (await all(queue.events(id))).filter(({ event }) => event.type === "preview");
      expect(previews.map(({ event }) => "evaluation" in event && event.evaluation)).toEqual([2]);
    });

    test("tells those that wait how many are before them", async () => {
      const { work, named } = handWork();
      await using queue = await make({ work });
      const [, , last = ""] = await submitAll(queue, ["a", "b", "c"]);
      expect(await queue.find(last)).toMatchObject({ state: "waiting", position: 1 });
      (await named("a")).end();
      await named("b");
      expect(await queue.find(last)).toMatchObject({ state: "waiting", position: 0 });
    });

    test("ends what is cancelled, whether it runs or waits, and goes on with the next", async () => {
      const { work, begun, named } = handWork();
      await using queue = await make({ work });
      const [a = "", b = "", c = ""] = await submitAll(queue, ["a", "b", "c"]);
      await named("a");
      expect([await queue.cancel(b), await queue.cancel(a)]).toEqual([true, true]);
      (await named("c")).end();
      expect((await types(queue, a)).at(-1)).toBe("cancelled");
      expect((await types(queue, b)).at(-1)).toBe("cancelled");
      expect((await types(queue, c)).at(-1)).toBe("done");
      expect(begun).toEqual(["a", "c"]);
      expect([await queue.cancel(a), await queue.cancel("nothing")]).toEqual([false, false]);
    });

    test("says how a job failed: in the words of a refusal, and of nothing else", async () => {
      const { work, named } = handWork();
      await using queue = await make({ work });
      const ids = await submitAll(queue, ["a", "b"]);
      (await named("a")).fail(new Refusal(400, "option_invalid", "Cannot use this"));
      (await named("b")).fail(new Error("secret"));
      const failures = [];
      for (const id of ids) {
        await types(queue, id);
        failures.push((await queue.find(id))?.failure);
      }
      expect(failures).toEqual([
        { status: 400, code: "option_invalid", message: "Cannot use this" },
        { status: 500, code: "server_error", message: expect.not.stringContaining("secret") },
      ]);
    });

    test("refuses more than may wait, in all and of one owner", async () => {
      const { work } = handWork();
      await using queue = await make({ work, waiting: 3, waitingOfOne: 2 });
      await queue.submit(job("runs"));
      await expect.poll(() => queue.counts()).toMatchObject({ running: 1, waiting: 0 });
      for (const name of ["a", "b"]) await queue.submit(job(name));
      const refused = (owner: string) =>
        queue.submit(job("c", owner)).then(
          () => undefined,
          (error: Refusal) => error,
        );
      expect(await refused("one")).toMatchObject({ status: 429, message: expect.stringContaining("2 of one key") });
      expect(await refused("two")).toBeUndefined();
      expect(await refused("two")).toMatchObject({ status: 429, message: expect.stringContaining("3 in all") });
    });

    test("refuses an owner that asks more often than it may in a minute", async () => {
      const { work } = handWork();
      await using queue = await make({ work, perMinute: 2 });
      await submitAll(queue, ["a", "b"]);
      const refused = (owner: string) =>
        queue.submit(job("c", owner)).then(
          () => 0,
          (error: Refusal) => error.code,
        );
      // Twice, as a minute may end meanwhile.
      expect([await refused("one"), await refused("one"), await refused("one")]).toContain("rate_limited");
      expect(await refused("two")).toBe(0);
    });

    test("lets go of a job that is forgotten after its end, and of none before", async () => {
      const { work, named } = handWork();
      await using queue = await make({ work });
      const id = await queue.submit(job("a"));
      await queue.forget(id);
      expect(await queue.find(id)).toBeDefined();
      (await named("a")).end();
      await types(queue, id);
      await queue.forget(id);
      expect(await queue.find(id)).toBeUndefined();
      expect(await all(queue.events(id))).toEqual([]);
    });

    test("stops listening where the listener's signal is aborted; the job goes on", async () => {
      const { work, named } = handWork();
      await using queue = await make({ work });
      const id = await queue.submit(job("a"));
      const controller = new AbortController();
      const heard = all(queue.events(id, { signal: controller.signal }));
      await named("a");
      controller.abort();
      expect((await heard).at(-1)?.event.type).not.toBe("cancelled");
      expect(await queue.find(id)).toMatchObject({ state: "running" });
      (await named("a")).end();
    });

    test("closes: takes no more, gives up what waits, lets what runs end unless it is told to end it", async () => {
      for (const grace of [true, false]) {
        const { work, named } = handWork();
        const queue = await make({ work });
        const [a = "", b = ""] = await submitAll(queue, ["a", "b"]);
        const { end } = await named("a");
        const closed = queue.close(grace ? undefined : AbortSignal.abort());
        await expect(queue.submit(job("c"))).rejects.toMatchObject({ status: 503 });
        if (grace) end();
        await closed;
        const givenUp = outlives ? "waiting" : "cancelled";
        expect(await queue.find(a)).toMatchObject({ state: grace ? "done" : givenUp });
        expect(await queue.find(b)).toMatchObject({ state: givenUp });
        await queue[Symbol.asyncDispose]();
      }
    });
  });
}
