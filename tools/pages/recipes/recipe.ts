import { isJsonObject } from "../../../src/checkpoint/text/json.ts";
import { ddpmTimesteps } from "../../../src/diffusion/schedules/original-schedules.ts";
import { parseScenario, type Scenario } from "../../../src/pipelines/run/scenario.ts";

/** What a table of the paper can have a column of: a cost, or a metric as `deepcache eval` calls it. */
export const COLUMNS = {
  macs: { label: "MACs (10⁹)" },
  throughput: { label: "images/s" },
  speedup: { label: "speed-up" },
  fid: { label: "FID" },
  sfid: { label: "sFID" },
  is: { label: "IS" },
  precision: { label: "precision (%)", percent: true },
  recall: { label: "recall (%)", percent: true },
  clip: { label: "CLIP score" },
} as const satisfies Readonly<Record<string, { readonly label: string; readonly percent?: true }>>;

export type Column = keyof typeof COLUMNS;

/** What a table of the paper says, and what is known about it. */
export interface PaperTable {
  /** Its number. */
  readonly table: string;
  readonly title: string;
  /** Name of the built-in architecture. */
  readonly architecture: string;
  /** How many images the paper made for each row. */
  readonly images: number;
  /** Where the paper does not agree with itself or with its code. */
  readonly notes: readonly string[];
  readonly columns: readonly Column[];
  /** The paper's numbers by policy, in the order of the columns; fewer where it has none. */
  readonly rows: Readonly<Record<string, readonly number[]>>;
}

/** A table of the paper with the settings of the evaluation that makes it again. */
export interface Recipe {
  /** Name of its settings file, without the ending. */
  readonly name: string;
  readonly paper: PaperTable;
  readonly scenarios: readonly Scenario[];
  /** Steps where a scenario says nothing else: what the paper's averages are taken over. */
  readonly steps: number;
  /** How often the network is evaluated in so many steps. */
  evaluations(steps: number): number;
  /** Evaluations that no cache plan covers: the last one of PLMS. */
  readonly unplanned: 0 | 1;
  /** Whether evaluations compute two samples for each image. */
  readonly guided: boolean;
}

/** Puts the settings file called `name` and its table together; both must have the same policies. */
export function recipe(name: string, settings: unknown, paper: PaperTable | undefined): Recipe {
  if (!isJsonObject(settings)) throw refusal(name, "its settings are no JSON object");
  if (paper === undefined) throw refusal(name, "there are no numbers of the paper under this name");
  const { policies, steps, sampler, "guidance-scale": scale, "timestep-selection": selection } = settings;
  if (!Array.isArray(policies) || typeof steps !== "number") throw refusal(name, "it lacks policies or steps");
  const [own, published] = [policies.map(String), Object.keys(paper.rows)];
  if (own.join() !== published.join()) {
    throw refusal(name, `its policies are ${own.join(", ")}, the paper's rows ${published.join(", ")}`);
  }
  const long = Object.entries(paper.rows).find(([, values]) => values.length > paper.columns.length);
  if (long !== undefined) throw refusal(name, `row ${long[0]} has more than ${paper.columns.length} numbers`);
  return {
    name,
    paper,
    scenarios: own.map(parseScenario),
    steps,
    unplanned: sampler === "pndm" ? 1 : 0,
    guided: typeof scale === "number" && scale > 1,
    evaluations: (count) => {
      if (sampler === "pndm") return count + 1;
      return selection === "quad" ? count : ddpmTimesteps(count, "uniform").length; // rounds the stride down
    },
  };
}

/** The paper's number of one policy in one column. */
export function published({ columns, rows }: PaperTable, policy: string, column: Column): number | undefined {
  const index = columns.indexOf(column);
  return index < 0 ? undefined : rows[policy]?.[index];
}

const refusal = (name: string, reason: string): RangeError =>
  new RangeError(`Cannot use the recipe "${name}": ${reason}`);
