/** How far a download has come; of one file and of everything that is downloaded with it, in bytes. */
export interface DownloadProgress {
  /** The model, or the address, that the files are of. */
  readonly name: string;
  /** The file that has come further. */
  readonly file: string;
  readonly fileLoaded: number;
  /** Undefined where the server does not say, until the file is there. */
  readonly fileTotal: number | undefined;
  /** Of all files. */
  readonly loaded: number;
  readonly total: number | undefined;
  /** Bytes a second, over the last ones. */
  readonly rate: number;
  /** In seconds; undefined where nobody can tell. */
  readonly remaining: number | undefined;
}

/** Where models by their id come from and are kept; what is left out is as the environment says, of which browsers have none. */
export interface HubSource {
  /** In Node, the folder that is shared with Python; `HF_HUB_CACHE`, or `hub` in `HF_HOME`, where left out. */
  readonly cacheFolder?: string | undefined;
  /** The hub's address; `HF_ENDPOINT`, or Hugging Face's own, where left out. */
  readonly endpoint?: string | undefined;
  /** What lets you read private and gated models; `HF_TOKEN`, or the token file, where left out. */
  readonly token?: string | undefined;
  /** Whether to take what the cache holds and ask nobody; `HF_HUB_OFFLINE` where left out. */
  readonly offline?: boolean | undefined;
  /**
   * In a browser, whether models are kept in the page's own files (default). Otherwise what of one is needed is read where it
   * lies, and comes again whenever it is loaded.
   */
  readonly keep?: boolean | undefined;
}

/** The same for one download. */
export interface HubOptions extends HubSource {
  readonly onProgress?: ((progress: DownloadProgress) => void) | undefined;
  /** Ends the download; what has come stays, for the next time. */
  readonly signal?: AbortSignal | undefined;
}
