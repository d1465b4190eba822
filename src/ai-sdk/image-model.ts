/**
 * What the AI SDK asks of an image model, in the third and the fourth version of its specification; written out here so that
 * whoever uses either needs no package of the other.
 */

/** Data as JSON has it. */
export type JsonValue = null | string | number | boolean | JsonValue[] | { [key: string]: JsonValue | undefined };

/** A picture that a call starts from. */
export type ImageFile =
  | { readonly type: "file"; readonly mediaType: string; readonly data: string | Uint8Array }
  | { readonly type: "url"; readonly url: string };

/** What a call asks for. */
export interface ImageCall {
  readonly prompt: string | undefined;
  readonly n: number;
  readonly size: `${number}x${number}` | undefined;
  readonly aspectRatio: `${number}:${number}` | undefined;
  readonly seed: number | undefined;
  readonly files: readonly ImageFile[] | undefined;
  readonly mask: ImageFile | undefined;
  /** Those under "deepcache" are options of the library by their names. */
  readonly providerOptions: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly abortSignal?: AbortSignal;
  readonly headers?: Readonly<Record<string, string | undefined>>;
}

/** What a call may not have expected. */
export type ImageWarning =
  | { type: "unsupported"; feature: string; details?: string }
  | { type: "other"; message: string };

/** What a call gives. */
export interface ImageAnswer {
  images: Uint8Array[];
  warnings: ImageWarning[];
  providerMetadata: Record<string, { images: JsonValue[] }>;
  response: { timestamp: Date; modelId: string; headers: Record<string, string> | undefined };
}

/** An image model for the AI SDK: `version` "v4" for `ai` 7, "v3" for `ai` 6. */
export interface ImageModel<Version extends "v3" | "v4"> extends AsyncDisposable {
  readonly specificationVersion: Version;
  readonly provider: string;
  readonly modelId: string;
  readonly maxImagesPerCall: number;
  readonly supportsFileInputs: boolean;
  readonly supportsMaskInputs: boolean;
  doGenerate(call: ImageCall): Promise<ImageAnswer>;
  /** Releases what the model has opened. */
  dispose(): Promise<void>;
}
