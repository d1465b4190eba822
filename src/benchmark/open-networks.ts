import type { CutAs } from "../denoisers/unet-run.ts";
import type { Scenario } from "../pipelines/run/scenario.ts";
import { type LoadedNetwork, openNetwork, type Probe } from "./measure-network.ts";
import type { Subject } from "./subject.ts";
import type { TimedRuntime } from "./timed-runtime.ts";

/** Networks that are in memory at once. */
interface OpenedNetworks extends AsyncDisposable {
  readonly networks: readonly LoadedNetwork[];
}

/** One network by every runtime, all in memory at once so that they can take turns. */
export async function openNetworks(
  runtimes: readonly TimedRuntime[],
  subject: Subject,
  cutAs: CutAs,
  probe: Probe,
): Promise<OpenedNetworks> {
  const networks: LoadedNetwork[] = [];
  const release = async (): Promise<void> => {
    for (const { network } of networks) await network[Symbol.asyncDispose]();
  };
  try {
    for (const runtime of runtimes)
      networks.push({ runtime, network: await openNetwork(runtime, subject, cutAs, probe) });
  } catch (error) {
    await release();
    throw error;
  }
  return { networks, [Symbol.asyncDispose]: release };
}

/** The network in the precision of a scenario; the first one where it gives none. */
export function networkFor({ name, precision }: Scenario, networks: readonly LoadedNetwork[]): LoadedNetwork {
  const found = networks.find(
    ({ runtime }) => precision === undefined || (runtime.precision ?? "float32") === precision,
  );
  if (found !== undefined) return found;
  throw new RangeError(`Cannot run "${name}": no runtime computes in ${precision}`);
}
