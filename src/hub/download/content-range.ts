/** Which bytes of a file an answer brings. */
export interface Span {
  readonly start: number;
  /** Of the whole file; undefined where the server does not say. */
  readonly total: number | undefined;
}

/** Where the body of a 206 begins; undefined where its header is missing or makes no sense. */
export function partOf(header: string | null): Span | undefined {
  const [, start, , total] = /^\s*bytes\s+(\d+)-(\d+)\/(\d+|\*)\s*$/.exec(header ?? "") ?? [];
  if (start === undefined || total === undefined) return undefined;
  return { start: Number(start), total: total === "*" ? undefined : Number(total) };
}

/** The bytes that an answer says to bring; undefined where it does not say, or counts them in another coding. */
export function lengthOf({ headers }: Pick<Response, "headers">): number | undefined {
  const coding = headers.get("content-encoding") ?? "identity";
  return coding === "identity" ? countIn(headers.get("content-length")) : undefined;
}

/** The number of bytes that a header's text is; undefined of any other text. */
export function countIn(text: string | null): number | undefined {
  const count = text !== null && /^\d+$/.test(text) ? Number(text) : Number.NaN;
  return Number.isSafeInteger(count) ? count : undefined;
}

/** What an answer calls the version of its file, in a form that a later request may name; weak tags are of no use. */
export function validatorOf({ headers }: Response): string | undefined {
  const etag = headers.get("etag");
  if (etag?.startsWith('"') === true) return etag;
  return headers.get("last-modified") ?? undefined;
}

/** What an answer calls its file, without folders; undefined where it does not say, or says nothing that is a name. */
export function fileNameIn({ headers }: Response): string | undefined {
  const header = headers.get("content-disposition") ?? "";
  const [, encoded] = /filename\*\s*=\s*utf-8''([^;\s]+)/i.exec(header) ?? [];
  const [, quoted, bare] = /filename\s*=\s*(?:"([^"]*)"|([^;\s]+))/i.exec(header) ?? [];
  return safeName(encoded === undefined ? (quoted ?? bare) : decoded(encoded));
}

/** The last part of a path as a name that every disk takes; undefined where nothing is left of it. */
export function safeName(path: string | undefined): string | undefined {
  const last = path?.split(/[/\\]/).at(-1) ?? "";
  const name = last
    .replaceAll(/[^\w.() +-]/g, "_")
    .replace(/^\.+/, "")
    .slice(-120);
  return name === "" ? undefined : name;
}

const decoded = (text: string): string => {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
};
