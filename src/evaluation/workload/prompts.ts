import { decodeUtf8, isJsonObject, type JsonObject, parseJsonText } from "../../checkpoint/text/json.ts";
import { EvaluationError } from "../errors.ts";

/** What one image is asked to show. */
export interface Prompt {
  readonly text: string;
  /** As PartiPrompts groups its prompts. */
  readonly category?: string;
}

/**
 * The prompts of a file: COCO's captions where its name ends in .json, a table with the column "Prompt" as PartiPrompts
 * where it ends in .tsv, else one prompt a line.
 */
export function parsePrompts(bytes: Uint8Array, path: string): Prompt[] {
  const name = `"${path}"`;
  const text = decodeUtf8(bytes, name).replace(/^\uFEFF/, "");
  const extension = /\.(\w+)$/.exec(path)?.[1]?.toLowerCase() ?? "";
  const prompts = (READERS[extension] ?? readLines)(text, name);
  if (prompts.length === 0) throw new EvaluationError(`Cannot use ${name}: it has no prompts`);
  return prompts;
}

type PromptReader = (text: string, name: string) => Prompt[];

const READERS: Readonly<Record<string, PromptReader>> = { json: readCaptions, tsv: readTable };

const linesOf = (text: string): string[] => text.split(/\r\n|\n|\r/).filter((line) => line.trim() !== "");

function readLines(text: string): Prompt[] {
  return linesOf(text).map((line) => ({ text: line.trim() }));
}

function readTable(text: string, name: string): Prompt[] {
  const [head = "", ...lines] = linesOf(text);
  const columns = head.split("\t").map((column) => column.trim());
  const [prompt, category] = [columns.indexOf("Prompt"), columns.indexOf("Category")];
  if (prompt < 0) {
    throw new EvaluationError(
      `Cannot read ${name}: its first line names no column "Prompt", but ${columns.join(", ")}`,
    );
  }
  return lines.map((line, i) => {
    const cells = line.split("\t");
    const written = unquoted(cells[prompt]?.trim() ?? "");
    if (written === "") throw new EvaluationError(`Cannot read ${name}: row ${i + 1} of the table has no prompt`);
    const group = category < 0 ? "" : (cells[category]?.trim() ?? "");
    return { text: written, ...(group === "" ? {} : { category: group }) };
  });
}

/** Spreadsheets quote cells that hold quotes. */
const unquoted = (cell: string): string =>
  cell.length > 1 && cell.startsWith('"') && cell.endsWith('"') ? cell.slice(1, -1).replaceAll('""', '"') : cell;

interface Caption {
  readonly image: number;
  readonly id: number;
  readonly text: string;
}

/** One caption of each picture, the one with the lowest id, pictures in the order of their ids. */
function readCaptions(text: string, name: string): Prompt[] {
  const content = parseJsonText(text, name);
  const annotations = isJsonObject(content) ? content["annotations"] : undefined;
  if (!Array.isArray(annotations)) {
    throw new EvaluationError(`Cannot read ${name}: COCO's captions have a list "annotations", which is missing`);
  }
  const firsts = new Map<number, Caption>();
  for (const [i, annotation] of annotations.entries()) {
    const caption = captionOf(annotation, i, name);
    const known = firsts.get(caption.image);
    if (known === undefined || caption.id < known.id) firsts.set(caption.image, caption);
  }
  return [...firsts.values()].sort((a, b) => a.image - b.image).map((caption) => ({ text: caption.text }));
}

function captionOf(annotation: unknown, index: number, name: string): Caption {
  const { image_id: image, id, caption }: JsonObject = isJsonObject(annotation) ? annotation : {};
  if (typeof image !== "number" || typeof id !== "number" || typeof caption !== "string" || caption.trim() === "") {
    throw new EvaluationError(
      `Cannot read ${name}: annotation ${index} must have the numbers "image_id" and "id" and the text "caption"`,
    );
  }
  return { image, id, text: caption.trim() };
}
