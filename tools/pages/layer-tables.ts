/** A folder of src: what is in it, and what it may import. */
export interface Layer {
  readonly folder: string;
  readonly holds: string;
  readonly imports: readonly string[];
}

const markdownTable = ([headings = [], ...rows]: readonly (readonly string[])[]): string =>
  [headings, headings.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");

const code = (folder: string): string => `\`${folder}\``;

/** What each folder holds. */
export const layerTable = (layers: readonly Layer[]): string =>
  markdownTable([["folder", "holds"], ...layers.map(({ folder, holds }) => [code(`${folder}/`), holds])]);

/** What each folder may import. */
export const permissionTable = (layers: readonly Layer[]): string =>
  markdownTable([
    ["folder", "may import"],
    ...layers.map(({ folder, imports }) => [
      code(folder),
      imports.length === 0 ? "nothing" : imports.map(code).join(", "),
    ]),
  ]);
