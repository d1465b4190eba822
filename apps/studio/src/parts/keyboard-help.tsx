import { signal } from "@preact/signals";
import { Dialog } from "./dialog.tsx";

const open = signal(false);

/** Shows the keys. */
export function showKeys(): void {
  open.value = true;
}

const KEYS: readonly (readonly [keys: string, does: string])[] = [
  ["Ctrl or ⌘ + Enter", "make, from anywhere"],
  ["Escape", "stop, from anywhere"],
  ["Space, held", "show the original in place of the accelerated picture (flip)"],
  ["1 2 3 4", "side by side, slider, flip, difference"],
  ["← →", "newer and older pairs of the history; in the slider, its line"],
  ["S", "save the accelerated picture"],
  ["R", "draw another seed"],
  ["U", "use the settings of the pair that is shown"],
  ["/", "go to the prompt"],
  ["?", "this list"],
];

/** All keys in a list. */
export function KeyboardHelp() {
  return (
    <Dialog title="Keys" open={open}>
      <dl class="keys">
        {KEYS.map(([keys, does]) => (
          <div key={keys}>
            <dt>
              <kbd>{keys}</kbd>
            </dt>
            <dd>{does}</dd>
          </div>
        ))}
      </dl>
      <p class="quiet">While a text field has the focus, only the first two do anything.</p>
    </Dialog>
  );
}
