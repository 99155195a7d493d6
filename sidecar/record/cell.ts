/**
 * Counters and histograms with prebound cells: a cell is a number that is read at scrape. prom-client hashes the labels
 * at every `inc` and `observe`, also of children made by `.labels()`; a decision's twelve then take 2.1 µs, cells 0.45.
 */
import { Counter, Histogram } from "prom-client";
import type { CounterConfiguration, HistogramConfiguration, MetricType } from "prom-client";

type Labels = Readonly<Record<string, string>>;

/** Counts one combination of labels. */
export class CounterCell {
  value = 0;
  constructor(readonly labels: Labels) {}
  add(count = 1): void {
    this.value += count;
  }
}

/** A counter whose cells are looked up once and kept by the caller. */
export class CellCounter extends Counter<string> {
  private readonly cells: CounterCell[] = [];

  /** @param scale how much in a cell is one; cells of whole numbers don't drift */
  constructor(
    configuration: CounterConfiguration<string>,
    private readonly scale = 1,
  ) {
    super(configuration);
  }

  /** Makes the cell of a combination; the caller keeps one per combination. */
  cell(labels: Labels): CounterCell {
    const cell = new CounterCell(labels);
    this.cells.push(cell);
    return cell;
  }

  override async get(): ReturnType<Counter["get"]> {
    const base = await super.get();
    return {
      ...base,
      values: this.cells.map(({ labels, value }) => ({ labels, value: value / this.scale })),
    };
  }
}

/** Observes durations of one combination of labels. */
export class HistogramCell {
  readonly counts: Float64Array;
  sum = 0;
  constructor(
    readonly labels: Labels,
    private readonly boundsMicros: Float64Array,
  ) {
    this.counts = new Float64Array(boundsMicros.length + 1);
  }

  /** Adds one duration in microseconds; what is no finite number ≥ 0 (a clock that stepped back) counts as 0. */
  observe(micros: number): void {
    const value = micros >= 0 && micros < Infinity ? micros : 0;
    const bounds = this.boundsMicros;
    let low = 0;
    let high = bounds.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (value <= (bounds[middle] ?? Infinity)) high = middle;
      else low = middle + 1;
    }
    this.counts[low] = (this.counts[low] ?? 0) + 1;
    this.sum += value;
  }
}

type HistogramValues = Awaited<ReturnType<Histogram["get"]>>;

/** A histogram of seconds whose cells observe microseconds. */
export class CellHistogram extends Histogram<string> {
  private readonly cells: HistogramCell[] = [];
  private readonly bounds: readonly number[];
  private readonly boundsMicros: Float64Array;
  private readonly facts: Omit<HistogramValues, "values">;

  constructor(configuration: HistogramConfiguration<string> & { readonly buckets: number[] }) {
    super(configuration);
    this.bounds = configuration.buckets;
    this.boundsMicros = Float64Array.from(this.bounds, (bound) => bound * 1e6);
    const { name, help } = configuration;
    // prom-client declares MetricType as a const enum that isolated modules can't name; at run time it is this text
    this.facts = {
      name,
      help,
      type: "histogram" as unknown as MetricType,
      aggregator: "sum",
      collect: () => undefined,
    };
  }

  /** Makes the cell of a combination; the caller keeps one per combination. */
  cell(labels: Labels): HistogramCell {
    const cell = new HistogramCell(labels, this.boundsMicros);
    this.cells.push(cell);
    return cell;
  }

  override async get(): Promise<HistogramValues> {
    return { ...this.facts, values: this.cells.flatMap((cell) => this.values(cell)) };
  }

  /** What prom-client's registry calls instead of `get` to write the text form. */
  getForPromString(): Promise<HistogramValues> {
    return this.get();
  }

  private values({ labels, counts, sum }: HistogramCell): HistogramValues["values"] {
    const { name } = this.facts;
    const values: HistogramValues["values"] = [];
    let count = 0;
    for (let i = 0; i <= this.bounds.length; i++) {
      count += counts[i] ?? 0;
      values.push({
        labels: { ...labels, le: this.bounds[i] ?? "+Inf" },
        value: count,
        metricName: `${name}_bucket`,
      });
    }
    values.push({ labels, value: sum / 1e6, metricName: `${name}_sum` });
    values.push({ labels, value: count, metricName: `${name}_count` });
    return values;
  }
}
