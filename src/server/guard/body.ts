import { scanJson } from "../../checkpoint/text/json.ts";
import { LIMITS } from "../../errors/limits.ts";
import { Refusal } from "../refusal.ts";

const { marks: MARKS, depth: DEPTH } = LIMITS.json;

/** The bytes of a request, refused as soon as there are more than `most`. */
export async function readBody(request: Request, most: number): Promise<Uint8Array<ArrayBuffer>> {
  const claimed = Number(request.headers.get("content-length") ?? 0);
  if (claimed > most) throw tooLarge(claimed, most);
  const pieces: Uint8Array[] = [];
  let size = 0;
  if (request.body !== null) {
    for await (const piece of piecesOf(request.body)) {
      size += piece.length;
      if (size > most) throw tooLarge(size, most);
      pieces.push(piece);
    }
  }
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}

/** Not every runtime lets streams be looped over. */
async function* piecesOf(body: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = body.getReader();
  try {
    while (true) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}

const tooLarge = (bytes: number, most: number): Refusal =>
  new Refusal(
    413,
    "body_too_large",
    `Cannot read the request: it has ${bytes} bytes or more, at most ${most} are read`,
  );

/** The JSON object of a request. */
export async function readJson(request: Request, most: number): Promise<Readonly<Record<string, unknown>>> {
  requireType(request, "application/json");
  const text = new TextDecoder().decode(await readBody(request, most));
  const { marks, depth } = scanJson(text);
  if (marks > MARKS.most || depth > DEPTH.most) {
    throw invalid(
      `it is JSON of ${marks} marks and ${depth} brackets inside one another, at most ${MARKS.most} and ${DEPTH.most} are read`,
    );
  }
  let value: unknown;
  try {
    value = JSON.parse(text === "" ? "{}" : text);
  } catch {
    throw invalid("it is not JSON");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw invalid("it must be a JSON object");
  return value as Readonly<Record<string, unknown>>;
}

/** The fields and files of a form. */
export async function readForm(request: Request, most: number): Promise<FormData> {
  const type = requireType(request, "multipart/form-data");
  const body = await readBody(request, most);
  try {
    return await new Response(body, { headers: { "content-type": type } }).formData();
  } catch {
    throw invalid("it is not a form in multipart/form-data");
  }
}

function requireType(request: Request, required: string): string {
  const type = request.headers.get("content-type") ?? "";
  if (type.split(";")[0]?.trim().toLowerCase() === required) return type;
  throw new Refusal(
    415,
    "unsupported_media_type",
    `Cannot read the request: its content type is ${JSON.stringify(type.slice(0, 60))}, ${required} is required`,
  );
}

const invalid = (reason: string): Refusal => new Refusal(400, "invalid_request", `Cannot read the request: ${reason}`);
