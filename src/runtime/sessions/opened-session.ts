import type { Graph } from "../../onnx/graph.ts";
import { inTurns, type Turns } from "../../tensor/in-turns.ts";
import { signatureOf } from "../feeds.ts";
import { type Located, type Lodged, lodged, sendable } from "./lodged.ts";
import { type Fed, freshNumber, type SessionOptions, type Values } from "./messages.ts";
import type { Place } from "./place.ts";

/** Inputs by the names of a graph: values that are here, or results. */
export type Feeds = Readonly<Record<string, Values | Pick<Lodged, "feed">>>;

/** Results by the names of a graph; whoever has them frees them. */
export type Results = Readonly<Record<string, Lodged>>;

/** A graph that ONNX Runtime has loaded, wherever that is. */
export interface OpenedSession extends AsyncDisposable {
  /** Between the pieces of a graph, `signal` is looked at. */
  run(feeds: Feeds, signal?: AbortSignal): Promise<Results>;
}

/** A weight, or several, in memory or in a Blob, by a name. */
export interface WeightBytes {
  readonly path: string;
  readonly data: Uint8Array | Blob;
}

/** A written graph, and how it is opened. */
export interface WrittenGraph {
  readonly model: Uint8Array;
  /** Those that lie in no file that ONNX Runtime reads by itself. */
  readonly weights?: readonly WeightBytes[];
  readonly options: SessionOptions;
  /** Results that stay where the graph runs. */
  readonly keep: readonly string[];
}

/** Opens a session at `place`. */
export async function openSession(
  place: Place,
  graph: Graph,
  { model, weights = [], options, keep }: WrittenGraph,
): Promise<OpenedSession> {
  const { outputs } = signatureOf(graph);
  const session = freshNumber();
  place.enter();
  try {
    const externalData = place.away ? await inTurns(copies(weights)) : [...weights];
    const arrays = externalData.flatMap(({ data }) => (place.away && data instanceof Uint8Array ? [data] : []));
    const moved = [model, ...arrays];
    const given = externalData.length === 0 ? options : { ...options, externalData };
    await place.ask(
      { kind: "open", session, model, options: given },
      moved.map(({ buffer }) => buffer as ArrayBuffer),
    );
  } catch (error) {
    place.leave();
    throw error;
  }
  return {
    async run(feeds) {
      const located = Object.values(feeds).map((feed) => ("feed" in feed ? feed.feed(place) : { fed: sent(feed) }));
      // Without a wait where nothing is on its way, so that runs start in the order in which they are asked for.
      const ready = located.some((found) => found instanceof Promise)
        ? await Promise.all(located)
        : (located as readonly Located[]);
      const fed = Object.fromEntries(Object.keys(feeds).map((name, i) => [name, (ready[i] as Located).fed]));
      const kept = Object.fromEntries(keep.map((name) => [name, freshNumber()]));
      const moved = ready.flatMap((found) => found.moved ?? []);
      const { results } = await place.ask({ kind: "run", session, feeds: fed, keep: kept }, moved);
      return Object.fromEntries(
        [...outputs].map(([name, { shape }]) => {
          const values = results[name];
          return [name, lodged(shape, values === undefined ? { place, tensor: kept[name] as number } : { values })];
        }),
      );
    },
    async [Symbol.asyncDispose]() {
      try {
        await place.ask({ kind: "release", session });
      } finally {
        place.leave();
      }
    },
  };
}

/** Weights to be given away; what they are now may be a part of what somebody else has. */
function* copies(weights: readonly WeightBytes[]): Turns<WeightBytes[]> {
  const copied: WeightBytes[] = [];
  for (const { path, data } of weights) {
    copied.push({ path, data: data instanceof Blob ? data : new Uint8Array(data) }); // a copy of a Buffer, too
    yield;
  }
  return copied;
}

const sent = (values: Values): Fed => ({ values: sendable(values) });
