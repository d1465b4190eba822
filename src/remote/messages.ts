import type { Fetched } from "../checkpoint/bytes/byte-sources/served.ts";
import type { GenerateRequest } from "../pipelines/generate-request.ts";
import type { PipelineEvent } from "../pipelines/run/events.ts";
import type { RunSettings } from "../pipelines/run/run.ts";
import type { ErrorData } from "./error-data.ts";

/** A request on its way to another thread: what aborts it is told by a message of its own. */
export type SentRequest = Omit<GenerateRequest, "signal">;

/** Settings on their way to another thread; what is called while a run goes on stays behind. */
export type SentSettings = Omit<RunSettings, "observeTrunk">;

/** What is told to the thread that a pipeline runs in; runs have numbers, chosen by whoever asks. */
export type Order<Model> =
  /** The first one: which model the thread is for. */
  | { readonly kind: "open"; readonly model: Model }
  | { readonly kind: "run"; readonly run: number; readonly request: SentRequest; readonly settings: SentSettings }
  | { readonly kind: "abort"; readonly run: number }
  /** The last one: what runs is ended and what is loaded is released. */
  | { readonly kind: "end" };

/** What the thread tells. */
export type News =
  | { readonly kind: "events"; readonly run: number; readonly events: readonly PipelineEvent[] }
  /** The run is over: it has told its result, or failed. */
  | { readonly kind: "over"; readonly run: number; readonly error?: ErrorData | undefined }
  /** A file of a model comes from a server. */
  | { readonly kind: "fetched"; readonly fetched: Fetched }
  /** Everything is released; nothing follows. */
  | { readonly kind: "ended"; readonly error?: ErrorData | undefined };
