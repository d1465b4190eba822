import type { JsonValue } from "./image-model.ts";

/** Options of a run by the library's names, pictures as bytes. */
export type MakerOptions = Readonly<Record<string, unknown>>;

/** How a maker is called. */
export interface MakerContext {
  readonly signal?: AbortSignal | undefined;
  readonly headers?: Readonly<Record<string, string | undefined>> | undefined;
}

/** What was made, and what it took. */
export interface Made {
  /** Files of PNG, with what each was made of. */
  readonly pictures: readonly { readonly png: Uint8Array; readonly seed: number; readonly parameters: string }[];
  readonly warnings: readonly string[];
  /** Steps, sampler, evaluations, speed-up and seconds. */
  readonly summary: Readonly<Record<string, JsonValue>>;
  readonly headers?: Record<string, string>;
}

/** Makes images, here or elsewhere. */
export interface Maker extends AsyncDisposable {
  make(options: MakerOptions, context: MakerContext): Promise<Made>;
}
