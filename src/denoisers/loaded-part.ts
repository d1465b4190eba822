import type { Cut } from "../deepcache/cut.ts";
import type { DeviceTensor, Feed, LoadOptions, RunOptions, Runtime, Session } from "../runtime/runtime.ts";

type Graph = Cut["full"];

/** One part of a network, ready to run. */
export interface LoadedPart extends AsyncDisposable {
  /** Runs on those of the `known` values that the part takes. */
  run(known: Readonly<Record<string, Feed>>, options?: RunOptions): Promise<Readonly<Record<string, DeviceTensor>>>;
}

/** The one result that JavaScript reads; all others go from part to part. */
const READ = "prediction";

/** Loads one part; `name` names it in errors. What goes to other parts stays on the device. */
export async function loadPart(
  runtime: Runtime,
  name: string,
  graph: Graph,
  { once = false }: Pick<LoadOptions, "once"> = {},
): Promise<LoadedPart> {
  const session: Session = await runtime.load(graph, {
    keep: [...graph.outputs.keys()].filter((output) => output !== READ),
    allowHalf: true,
    once,
    repeated: !once,
  });
  const inputs = [...graph.inputs.keys()];
  return {
    run: (known, options) => session.run(pick(known, inputs, name), options),
    [Symbol.asyncDispose]: () => session[Symbol.asyncDispose](),
  };
}

/** Loads several parts, one after the other; where one fails, those that are loaded are released. */
export async function loadParts<Name extends string>(
  runtime: Runtime,
  graphs: Readonly<Record<Name, Graph>>,
): Promise<Readonly<Record<Name, LoadedPart>> & AsyncDisposable> {
  const parts: Partial<Record<Name, LoadedPart>> = {};
  const release = async (): Promise<void> => {
    for (const name of Object.keys(parts) as Name[]) {
      const part = parts[name];
      delete parts[name];
      await part?.[Symbol.asyncDispose]();
    }
  };
  try {
    for (const name of Object.keys(graphs) as Name[]) parts[name] = await loadPart(runtime, name, graphs[name]);
  } catch (error) {
    await release();
    throw error;
  }
  return { ...(parts as Record<Name, LoadedPart>), [Symbol.asyncDispose]: release };
}

function pick(known: Readonly<Record<string, Feed>>, names: readonly string[], part: string): Record<string, Feed> {
  return Object.fromEntries(
    names.map((name) => {
      const feed = known[name];
      if (feed === undefined) throw new TypeError(`Cannot run the ${part}: it needs "${name}", which nobody gives`);
      return [name, feed];
    }),
  );
}
