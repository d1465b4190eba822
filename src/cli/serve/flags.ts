import type { NodeDevice } from "../../runtime/node/device.ts";

/** The flags of `serve`. */
export interface ServeFlags {
  readonly model?: readonly string[];
  readonly host: string;
  readonly port: number;
  /** False for `--no-api-key`. */
  readonly apiKey?: readonly string[] | false;
  readonly cors?: readonly string[];
  readonly maxQueue?: number;
  readonly outputDir?: string;
  readonly loraDir?: string;
  readonly tinyVae?: string;
  readonly controlnet?: readonly string[];
  readonly memory?: number;
  readonly maxPixels?: number;
  readonly maxSteps?: number;
  readonly maxImages?: number;
  readonly grace: number;
  readonly logPrompts?: boolean;
  readonly device: NodeDevice;
  readonly threads?: number;
  readonly lowMemory?: boolean;
}
