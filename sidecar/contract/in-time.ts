/**
 * Waits for an answer, for so many milliseconds and no longer; gives `otherwise` where there is none by then, and rejects as the answer does.
 * A timer that is due goes before what has arrived: after a pause of this process it would pass over answers that lie here.
 * So what has arrived is looked at once more.
 */
export async function inTime<T, O>(answer: Promise<T>, ms: number, otherwise: O): Promise<T | O> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<O>((resolve) => {
    timer = setTimeout(() => setImmediate(resolve, otherwise), ms);
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}
