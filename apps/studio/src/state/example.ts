import acceleratedUrl from "../example/accelerated.png?url";
import details from "../example/example.json";
import originalUrl from "../example/original.png?url";
import { FIRST_FORM } from "./form.ts";
import { closeness } from "./pixels.ts";
import { pair } from "./session.ts";

type Lane = (typeof details.lanes)[number];

/** Shows the pair that comes with the studio, until the visitor makes one. */
export async function showExample(): Promise<void> {
  const [original, accelerated] = await Promise.all(
    [originalUrl, acceleratedUrl].map(async (url) => (await fetch(url)).blob()),
  );
  if (original === undefined || accelerated === undefined || pair.value !== undefined) return;
  const lanes = details.lanes as [Lane, Lane];
  const lane = (i: 0 | 1, name: string, image: Blob) => {
    const { full, seconds, ...result } = lanes[i];
    const evaluations = seconds.map((own, index) => ({ full: full.includes(index), seconds: own }));
    const denoise = seconds.reduce((sum, own) => sum + own, 0);
    return {
      ...{ name, image, evaluations, count: evaluations.length },
      result: { ...result, full, evaluations: evaluations.length, seconds: { denoise, total: denoise } },
    };
  };
  pair.value = {
    form: { ...FIRST_FORM, ...details.form },
    from: "example",
    lanes: [lane(0, "Original", original), lane(1, details.name, accelerated)],
    closeness: await closeness(original, accelerated),
  };
}
