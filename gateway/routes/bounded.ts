/** Passes a body on up to a size. @throws Error past it */
export async function* bounded(body: AsyncIterable<Buffer>, limit: number): AsyncGenerator<Buffer> {
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > limit) throw new Error("the answer is too large");
    yield chunk;
  }
}
