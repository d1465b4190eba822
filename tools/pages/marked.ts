/** `page` with what stands between the marks `<!-- NAME:begin -->` and `<!-- NAME:end -->` replaced by `content`. */
export function replaceMarked(page: string, name: string, content: string): string {
  const { begin, end } = marksOf(page, name);
  return `${page.slice(0, begin)}\n${content}\n${page.slice(end)}`;
}

/** What stands between the marks, without the newlines next to them. */
export function readMarked(page: string, name: string): string {
  const { begin, end } = marksOf(page, name);
  return page.slice(begin, end).trim();
}

function marksOf(page: string, name: string): { readonly begin: number; readonly end: number } {
  const [opening, closing] = [`<!-- ${name}:begin -->`, `<!-- ${name}:end -->`];
  const begin = page.indexOf(opening) + opening.length;
  const end = page.indexOf(closing);
  if (begin < opening.length || end < begin) {
    throw new RangeError(`Cannot find ${opening} with ${closing} after it in the page`);
  }
  return { begin, end };
}
