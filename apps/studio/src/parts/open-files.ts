import { openOwn } from "../state/models/open-model.ts";
import { type OwnHandle, ownPlace } from "../state/models/own-models.ts";
import { readSettings } from "../state/png-text.ts";
import { form, notice, replaceForm, status } from "../state/session.ts";
import type { Dropped } from "./dropped-files.ts";

/** Asks for a folder or files in a way that can be found again on later visits; not all browsers have it. */
interface Pickers {
  showDirectoryPicker?(options: { readonly mode: "read" }): Promise<FileSystemDirectoryHandle>;
  showOpenFilePicker?(options: { readonly multiple: boolean }): Promise<readonly FileSystemFileHandle[]>;
}

const pickers = globalThis as Pickers;

/** Whether the browser's own way of picking is there. */
export const canPick = (what: "folder" | "files"): boolean =>
  what === "folder" ? pickers.showDirectoryPicker !== undefined : pickers.showOpenFilePicker !== undefined;

/** Lets the visitor pick a folder or files, and opens them. */
export async function pick(what: "folder" | "files"): Promise<void> {
  try {
    const handles =
      what === "folder"
        ? [await pickers.showDirectoryPicker?.({ mode: "read" })]
        : await pickers.showOpenFilePicker?.({ multiple: true });
    await openDropped({ handles: (handles ?? []).filter((handle) => handle !== undefined), files: [] });
  } catch (error) {
    if ((error as Error).name === "AbortError") return; // the visitor has closed the picker
    status.value = { kind: "error", message: `Cannot open what was picked: ${(error as Error).message}` };
  }
}

/** Opens what was dropped or picked as what it is. */
export async function openDropped({ handles, files }: Dropped): Promise<void> {
  const folder = handles.find(({ kind }) => kind === "directory");
  if (folder !== undefined) return await openOwn(await ownPlace({ name: folder.name, handles: [folder] }), [folder]);
  if (files.length > 0) return await openFiles(files, handles);
  await openFiles(await Promise.all(handles.map((handle) => (handle as FileSystemFileHandle).getFile())), handles);
}

/** Opens files as what they are: a picture for its settings, or a model. */
export async function openFiles(files: readonly File[], handles: readonly OwnHandle[] = []): Promise<void> {
  const [first] = files;
  if (first === undefined) return;
  if (files.length === 1 && /\.png$/i.test(first.name)) return await takePicture(first);
  const [folder, ...below] = (first.webkitRelativePath === "" ? first.name : first.webkitRelativePath).split("/");
  const name = below.length > 0 && folder !== undefined ? folder : weightsOf(files).name;
  await openOwn({ kind: "files", name, files }, handles);
}

/** Of weights and a config beside them, the weights. */
const weightsOf = (files: readonly File[]): File =>
  files.find(({ name }) => !/\.ya?ml$/i.test(name)) ?? (files[0] as File);

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
