import type { GenerateRequest } from "../pipelines/generate-request.ts";
import type { PipelineEvent } from "../pipelines/run/events.ts";
import type { Pipeline } from "../pipelines/run/pipeline.ts";
import { errorData } from "./error-data.ts";
import type { News, Order, SentRequest, SentSettings } from "./messages.ts";

/** What of a pipeline is used here. */
export type HostedRuns = Pick<Pipeline<GenerateRequest>, "stream" | "dispose">;

/** The end of a line that a pipeline hangs on. */
export interface HostLine<Model> {
  tell(news: News): void;
  /** Opens the model that the first order names. */
  open(model: Model): Promise<HostedRuns>;
}

/** Milliseconds between messages about evaluations: every message wakes a thread that wants a core for a moment. */
const APART = 15;

/** Carries out orders as they come: a pipeline in a thread of its own. */
export function hostPipeline<Model>({ tell, open }: HostLine<Model>): (order: Order<Model>) => void {
  let opened: Promise<HostedRuns> | undefined;
  const running = new Map<number, AbortController>();

  const run = async (number: number, request: SentRequest, settings: SentSettings): Promise<void> => {
    const own = new AbortController();
    running.set(number, own);
    try {
      const pipeline = await opened;
      if (pipeline === undefined) throw new Error("A run was ordered before a model");
      let waiting: PipelineEvent[] = [];
      let told = Number.NEGATIVE_INFINITY;
      for await (const event of pipeline.stream({ ...request, signal: own.signal }, settings)) {
        waiting.push(event);
        const now = performance.now();
        if (event.type === "evaluation" && now - told < APART) continue; // the next one takes it along
        tell({ kind: "events", run: number, events: waiting });
        [waiting, told] = [[], now];
      }
      tell({ kind: "over", run: number });
    } catch (error) {
      tell({ kind: "over", run: number, error: errorData(error) });
    } finally {
      running.delete(number);
    }
  };

  const end = async (): Promise<void> => {
    try {
      const pipeline = await opened?.catch(() => undefined); // whoever wanted a run was told why
      await pipeline?.dispose();
      tell({ kind: "ended" });
    } catch (error) {
      tell({ kind: "ended", error: errorData(error) });
    }
  };

  return (order) => {
    switch (order.kind) {
      case "open":
        opened = open(order.model);
        opened.catch(() => {}); // told to every run
        return;
      case "run":
        return void run(order.run, order.request, order.settings);
      case "abort":
        return running.get(order.run)?.abort();
      case "end":
        return void end();
    }
  };
}
