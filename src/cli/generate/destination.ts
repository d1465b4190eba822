import { existsSync } from "node:fs";
import { encodeImage, imageTypeOf } from "../../image/encode-image.ts";
import { writeInFolder } from "../../image/files.ts";
import type { PngText } from "../../image/png-text.ts";
import { plainImage, type RgbImage } from "../../image/rgb-image.ts";
import { UsageError } from "../flags/usage.ts";
import { STANDARD } from "../prompts.ts";
import type { Terminal } from "../terminal/console.ts";
import { checkWritable } from "../terminal/output-files.ts";
import { checkPattern, isPattern, type NamedImage, pictureName, withSuffix } from "./picture-names.ts";

/** Where pictures go. */
export interface Destination {
  /** Refuses what cannot be written where all images are known, before any is made; `image` gives one by its index. */
  check(images: number, image: (index: number) => NamedImage): Promise<void>;
  /** Where a picture will be, one of `images`; nowhere where it goes to stdout. */
  nameOf(image: NamedImage, images: number): string | undefined;
  /** Writes a picture, one of `images`, and gives the path; none where it went to stdout. */
  write(picture: RgbImage, text: PngText, image: NamedImage, images: number): Promise<string | undefined>;
}

/** Where `output` says that pictures go; what no picture can be written to is refused. */
export async function openDestination(
  output: string | undefined,
  terminal: Terminal,
  { json = false }: { readonly json?: boolean | undefined } = {},
): Promise<Destination> {
  if (output === undefined) return await ownNames();
  if (output === STANDARD) {
    if (json) throw new UsageError("Cannot write a picture and --json to stdout: give --output a name");
    return standardOutput(terminal);
  }
  checkPattern(output);
  await checkPicture(output);
  return {
    async check(images, image) {
      const names = new Set<string>();
      for (let index = 0; index < images; index++) {
        const name = pictureName(output, image(index), images);
        if (names.has(name)) {
          throw new UsageError(`Cannot write several pictures to "${name}": add {index} to --output "${output}"`);
        }
        names.add(name);
        await checkWritable(name);
      }
    },
    nameOf: (image, images) => pictureName(output, image, images),
    async write(picture, text, image, images) {
      return await writePicture(pictureName(output, image, images), picture, text);
    },
  };
}

/** Refuses the name of a picture that could not be written: its format, or where it lies. */
export async function checkPicture(path: string): Promise<void> {
  await encodeImage(plainImage(1, 1), imageTypeOf(path)); // finds out whether sharp is there
  if (!isPattern(path)) await checkWritable(path);
}

/** Writes a picture in the format of its name, whole or not at all, and gives `path`. */
export async function writePicture(path: string, picture: RgbImage, text: PngText = {}): Promise<string> {
  await checkWritable(path);
  await writeInFolder(path, await encodeImage(picture, imageTypeOf(path), { text }));
  return path;
}

/** `deepcache-SEED.png`, or with a number where there is such a file: nothing is overwritten. */
async function ownNames(): Promise<Destination> {
  await checkWritable(OWN_NAME);
  const nameOf = (image: NamedImage): string => {
    const name = pictureName(OWN_NAME, image, 1);
    let path = name;
    for (let number = 2; existsSync(path); number++) path = withSuffix(name, number);
    return path;
  };
  return {
    check: async () => {},
    nameOf,
    write: async (picture, text, image) => await writePicture(nameOf(image), picture, text),
  };
}

const OWN_NAME = "deepcache-{seed}.png";

function standardOutput(terminal: Terminal): Destination {
  if (terminal.showsOutput) {
    throw new UsageError("Cannot write a picture to a terminal: send it on, as in: deepcache … -o - > picture.png");
  }
  return {
    async check(images) {
      if (images > 1) throw new UsageError(`Cannot write ${images} pictures to stdout: one is possible`);
    },
    nameOf: () => undefined,
    async write(picture, text) {
      terminal.printBytes(await encodeImage(picture, "image/png", { text }));
      return undefined;
    },
  };
}
