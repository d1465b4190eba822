import { expiringName } from "../../../objects/expiring-names.ts";
import { JOBS, type ObjectStore } from "../../../objects/object-store.ts";
import { Refusal } from "../../../refusal.ts";

/** Bytes that are left in Redis; what is larger goes beside it, where there is such a place. */
const SMALL = 4096;

/** What jobs have to say, as texts for Redis, with bytes in the text or in a store beside it. */
export interface Wire {
  /** Data as one text; what it leaves beside is kept until `until`, in milliseconds since 1970. */
  pack(value: unknown, until: number): Promise<string>;
  /** What `pack` was given; undefined where something beside the text is gone. */
  unpack<T>(text: string): Promise<T | undefined>;
  /** Removes what lies beside texts. */
  drop(...texts: readonly string[]): Promise<void>;
}

/** A wire with a store beside Redis, or none. */
export function wire(store: ObjectStore | undefined): Wire {
  if (store === undefined) {
    return { pack: async (value) => encode(value), unpack: async (text) => decode(text), drop: async () => {} };
  }
  return {
    async pack(value, until) {
      const beside = new Map<string, Uint8Array>();
      const text = encode(value, (bytes) => {
        if (bytes.length <= SMALL) return undefined;
        const name = expiringName(JOBS, until);
        beside.set(name, bytes);
        return name;
      });
      for (const [name, bytes] of beside) await store.put(name, bytes);
      return text;
    },
    async unpack(text) {
      const found = new Map<string, Uint8Array>();
      for (const name of namesIn(text)) {
        const bytes = await store.get(name);
        if (bytes === undefined) return undefined;
        found.set(name, bytes);
      }
      return decode(text, (name) => found.get(name));
    },
    async drop(...texts) {
      for (const name of texts.flatMap(namesIn)) await store.remove(name);
    },
  };
}

/** No text of a client looks like this: in JSON, its quotes are written with a backslash. */
const namesIn = (text: string): string[] =>
  [...text.matchAll(/\{"\$stored":"(jobs\/\d{10}-[0-9a-f-]{36})"\}/g)].map(([, name = ""]) => name);

/** Data with bytes as one text; those that `keep` gives a name are kept under it. */
const encode = (value: unknown, keep: (bytes: Uint8Array) => string | undefined = () => undefined): string =>
  JSON.stringify(value, function (this: Readonly<Record<string, unknown>>, key) {
    const own = this[key]; // Buffers would come as lists of numbers
    if (!(own instanceof Uint8Array || own instanceof Uint8ClampedArray)) return renamed(own, /^\$/, "$$$$");
    const bytes = new Uint8Array(own.buffer, own.byteOffset, own.byteLength);
    const name = keep(bytes);
    return name === undefined ? { $bytes: base64(bytes) } : { $stored: name };
  });

/** What `encode` has written. */
function decode<T>(text: string, find: (name: string) => Uint8Array | undefined = () => undefined): T {
  try {
    return JSON.parse(text, (_, value: unknown) => {
      const { $bytes, $stored } = Object(value) as { readonly $bytes?: unknown; readonly $stored?: unknown };
      if (typeof $stored === "string") return find($stored);
      if (typeof $bytes === "string") return new Uint8Array(Buffer.from($bytes, "base64"));
      return renamed(value, /^\$\$/, "$$");
    }) as T;
  } catch (cause) {
    throw new Refusal(500, "damaged", "Cannot read what Redis holds of a job: it is damaged", { cause });
  }
}

/** Names that begin with "$" are this wire's: those of what it carries get another "$" on the way. */
function renamed(value: unknown, pattern: RegExp, replacement: string): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  const names = Object.keys(value);
  if (!names.some((name) => pattern.test(name))) return value;
  return Object.fromEntries(Object.entries(value).map(([name, own]) => [name.replace(pattern, replacement), own]));
}

const base64 = ({ buffer, byteOffset, byteLength }: Uint8Array): string =>
  Buffer.from(buffer, byteOffset, byteLength).toString("base64");
