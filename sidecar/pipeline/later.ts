/** Goes on at once where a value is there, and when it comes where it is still to come. */
export function after<T, U>(value: T | Promise<T>, next: (value: T) => U | Promise<U>): U | Promise<U> {
  return value instanceof Promise ? value.then(next) : next(value);
}

/** Gathers values of which some may still be to come. */
export function gather<T>(values: (T | Promise<T>)[]): T[] | Promise<T[]> {
  return values.some((one) => one instanceof Promise) ? Promise.all(values) : (values as T[]);
}
