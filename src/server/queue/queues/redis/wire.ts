/** Data with bytes as one text. */
export const encode = (value: unknown): string =>
  JSON.stringify(value, function (this: Readonly<Record<string, unknown>>, key) {
    const own = this[key]; // Buffers would come as lists of numbers
    return own instanceof Uint8Array || own instanceof Uint8ClampedArray ? { $bytes: base64(own) } : own;
  });

/** What `encode` has written. */
export const decode = <T>(text: string): T =>
  JSON.parse(text, (_, value: unknown) => {
    const { $bytes } = Object(value) as { readonly $bytes?: unknown };
    return typeof $bytes === "string" ? new Uint8Array(Buffer.from($bytes, "base64")) : value;
  }) as T;

const base64 = ({ buffer, byteOffset, byteLength }: Uint8Array | Uint8ClampedArray): string =>
  Buffer.from(buffer, byteOffset, byteLength).toString("base64");
