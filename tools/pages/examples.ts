/** The examples that stand between marks such as `<!-- example:server:begin -->`, as their files are, which `read` gives by name. */
export function exampleBlocks(page: string, read: (name: string) => string): Readonly<Record<string, string>> {
  const names = [...page.matchAll(/<!-- example:([\w-]+):begin -->/g)].map(([, name = ""]) => name);
  return Object.fromEntries(names.map((name) => [`example:${name}`, `\`\`\`js\n${read(name).trimEnd()}\n\`\`\``]));
}
