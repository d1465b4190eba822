/** The names that torchvision and lpips' own weight files have, for those of a whole LPIPS module's state. */
const NAMES: readonly (readonly [pattern: RegExp, name: string])[] = [
  [/^net\.slice\d+\.(\d+)\.(weight|bias)$/, "features.$1.$2"],
  // The module keeps each of these layers under two names, and without dropout before it as model.0.
  [/^lin(?:s\.)?(\d+)\.model\.[01]\.weight$/, "lin$1.model.1.weight"],
];

/** The name of a tensor of LPIPS as torchvision and lpips' weight files have it; other names stay as they are. */
export const lpipsName = (key: string): string =>
  NAMES.reduce((name, [pattern, replacement]) => name.replace(pattern, replacement), key);
