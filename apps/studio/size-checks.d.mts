/** A limit of size-limit's. */
export interface Check {
  readonly name: string;
  readonly limit: string;
  readonly gzip: boolean;
  readonly path: readonly string[];
}

/** Limits of the page that runs models itself, built into `folder`. */
export declare function pageChecks(folder: string): readonly Check[];

/** Limits of the studio that a server shows, built into `folder`. */
export declare function serverChecks(folder: string): readonly Check[];
