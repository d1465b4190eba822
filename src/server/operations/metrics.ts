import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { JobEvent } from "../queue/job.ts";
import type { JobQueue } from "../queue/queue.ts";

/** What Prometheus is told of a server. */
export interface Metrics {
  /** Of answered requests; `route` is a pattern, so that there are only so many. */
  answered(route: string, status: number, seconds: number): void;
  /** Of jobs, as they go on. */
  observe(model: string, event: JobEvent): void;
  readonly contentType: string;
  text(): Promise<string>;
}

const SECONDS = [0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 300, 1000];

/** Counters of one server in a registry of their own. */
export function metrics(queue: Pick<JobQueue, "counts">): Metrics {
  const register = new Registry();
  const registers = [register];
  collectDefaultMetrics({ register });
  const requests = new Histogram({
    name: "deepcache_http_request_seconds",
    help: "Seconds from a request to the head of its answer",
    labelNames: ["route", "status"],
    buckets: SECONDS,
    registers,
  });
  new Gauge({
    name: "deepcache_queue_jobs",
    help: "Jobs that wait, and those that run",
    labelNames: ["state"],
    registers,
    async collect() {
      for (const [state, count] of Object.entries(await queue.counts())) this.set({ state }, count);
    },
  });
  const jobs = new Counter({
    name: "deepcache_jobs_total",
    help: "Jobs that have ended",
    labelNames: ["model", "outcome"],
    registers,
  });
  const pictures = new Counter({
    name: "deepcache_pictures_total",
    help: "Pictures that were made",
    labelNames: ["model"],
    registers,
  });
  const evaluations = new Counter({
    name: "deepcache_evaluations_total",
    help: "Evaluations of the U-Net: full, and those that took its deep part from the cache",
    labelNames: ["model", "kind"],
    registers,
  });
  const phases = new Histogram({
    name: "deepcache_phase_seconds",
    help: "Seconds of each phase of a job",
    labelNames: ["model", "phase"],
    buckets: SECONDS,
    registers,
  });
  return {
    answered: (route, status, seconds) => requests.observe({ route, status }, seconds),
    observe(model, event) {
      switch (event.type) {
        case "evaluation":
          return evaluations.inc({ model, kind: event.full ? "full" : "cached" });
        case "done":
          for (const [phase, seconds] of Object.entries(event.result.seconds))
            phases.observe({ model, phase }, seconds);
          pictures.inc({ model }, event.result.pictures.length);
          return jobs.inc({ model, outcome: "done" });
        case "failed":
          return jobs.inc({ model, outcome: event.failure.status < 500 ? "refused" : "failed" });
        case "cancelled":
          return jobs.inc({ model, outcome: "cancelled" });
        default:
      }
    },
    contentType: register.contentType,
    text: () => register.metrics(),
  };
}
