/** For whom an entrypoint is asked, which says who may share what is kept of it. */
export interface Asker {
  readonly tenant: string;
  /** The newest of the epochs that concern the asker: what was kept before it counts no more. */
  readonly epoch: number;
  /** Names the subject; where METADATA keeps results to one, and nobody is named, they aren't kept. */
  readonly subject?: string;
  /** Names the task, in the same way. */
  readonly task?: string;
}
