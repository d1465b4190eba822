import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { readSettings } from "../state/png-text.ts";
import { form, notice, openModel, replaceForm, status } from "../state/session.ts";
import { filesOfDrop } from "./dropped-files.ts";

/** Takes what is dropped anywhere on the page: a picture for its settings, or files of a model. */
export function DropZone() {
  const isOver = useSignal(false);
  useEffect(() => {
    const over = (event: DragEvent): void => {
      if (!(event.dataTransfer?.types.includes("Files") ?? false)) return;
      event.preventDefault();
      isOver.value = true;
    };
    const leave = (event: DragEvent): void => {
      if (event.relatedTarget === null) isOver.value = false;
    };
    const drop = (event: DragEvent): void => {
      event.preventDefault();
      isOver.value = false;
      if (event.dataTransfer !== null) void filesOfDrop(event.dataTransfer).then(openFiles);
    };
    window.addEventListener("dragover", over);
    window.addEventListener("dragleave", leave);
    window.addEventListener("drop", drop);
    return () => {
      window.removeEventListener("dragover", over);
      window.removeEventListener("dragleave", leave);
      window.removeEventListener("drop", drop);
    };
  }, []);
  if (!isOver.value) return null;
  return (
    <div class="drop-zone" aria-hidden="true">
      <p>
        Drop a picture for its settings,
        <br />
        or a model: its folder, or one file
      </p>
    </div>
  );
}

/** Opens files as what they are. */
export async function openFiles(files: readonly File[]): Promise<void> {
  const [first] = files;
  if (first === undefined) return;
  if (files.length === 1 && /\.png$/i.test(first.name)) return await takePicture(first);
  const folder = first.webkitRelativePath.split("/")[0] ?? "";
  await openModel({ kind: "files", name: folder === "" ? first.name : folder, files });
}

/** The most of a picture that is read for its text. */
const MOST_BYTES = 64e6;

async function takePicture(file: File): Promise<void> {
  try {
    const bytes = new Uint8Array(await file.slice(0, MOST_BYTES).arrayBuffer());
    const { form: read, unknown } = readSettings(bytes, form.value);
    replaceForm(read);
    const rest = unknown.length === 0 ? "" : ` No field here for ${unknown.join(", ")}.`;
    notice.value = `The form has the settings of ${file.name}.${rest}`;
  } catch (error) {
    status.value = { kind: "error", message: `${(error as Error).message} (${file.name})` };
  }
}
