/** CLIP score of one image's embedding and one text's: 100 times their cosine, at least 0. */
export function clipScore(image: Float32Array, text: Float32Array): number {
  if (image.length !== text.length) {
    throw new RangeError(`Cannot compare embeddings of ${image.length} and ${text.length} values`);
  }
  let [product, imageSquares, textSquares] = [0, 0, 0];
  for (let i = 0; i < image.length; i++) {
    product += image[i]! * text[i]!;
    imageSquares += image[i]! ** 2;
    textSquares += text[i]! ** 2;
  }
  return Math.max(0, (100 * product) / Math.sqrt(imageSquares * textSquares));
}
