import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { filesOfDrop } from "./dropped-files.ts";
import { openDropped } from "./open-files.ts";

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
      if (event.dataTransfer !== null) void filesOfDrop(event.dataTransfer).then(openDropped);
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
