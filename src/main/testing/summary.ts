/** Totals of several runs of Node's test runner, in that runner's own words. */

export type Totals = {
  tests: number;
  pass: number;
  fail: number;
  cancelled: number;
  skipped: number;
  todo: number;
};

export const noTests: Totals = { tests: 0, pass: 0, fail: 0, cancelled: 0, skipped: 0, todo: 0 };

const names = Object.keys(noTests) as (keyof Totals)[];

export function add(a: Totals, b: Totals): Totals {
  return Object.fromEntries(names.map((name) => [name, a[name] + b[name]])) as Totals;
}

/** Reads the last summary that Node's spec (ℹ) or tap (#) reporter printed; undefined without one. */
export function parseTotals(output: string): Totals | undefined {
  const found: Partial<Totals> = {};
  for (const [, name, count] of output.matchAll(
    /^(?:ℹ|#) (tests|pass|fail|cancelled|skipped|todo) (\d+)$/gmu,
  )) {
    found[name as keyof Totals] = Number(count);
  }
  return names.every((name) => found[name] !== undefined) ? (found as Totals) : undefined;
}

/** A test that was cancelled has not passed: it counts as failed in the last line. */
export function formatTotals(totals: Totals): string {
  const failed = totals.fail + totals.cancelled;
  const skipped = totals.skipped + totals.todo;
  const last = `${totals.pass} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
  return [...names.map((name) => `# ${name} ${totals[name]}`), last].join('\n');
}
