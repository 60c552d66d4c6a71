/**
 * An operation's plan while it runs, on standard error. On a terminal the list is redrawn in place;
 * elsewhere each step is one line when it has ended.
 */
import type { OperationSummary } from '../api/contract/schemas.ts';
import type { CliEnvironment } from './environment.ts';
import { coloursOn, cutTo, paint } from './output.ts';

type Step = OperationSummary['plan'][number];

const marks = { pending: '·', running: '▸', done: '✔', failed: '✖', undone: '↩' } satisfies Record<
  Step['state'],
  string
>;
const colours = { pending: 'dim', running: 'bold', done: 'green', failed: 'red', undone: 'yellow' } as const;

/** A log tells what is waited for only when it takes long; on a terminal it is always in view. */
const quietMs = 5_000;

export type PlanView = { show(operation: OperationSummary): void; close(): void };

export function createPlanView(environment: CliEnvironment): PlanView {
  return environment.stderr.isTTY ? liveView(environment) : plainView(environment);
}

/** The lines of a plan; also what `moor operations ID` prints. */
export function planLines(operation: OperationSummary, nowMs: number, colour: boolean): string[] {
  const lines = operation.plan.map((step) => {
    const text = `  ${marks[step.state]} ${step.title}${duration(step, nowMs)}`;
    return colour ? paint(colours[step.state], text) : text;
  });
  if (operation.waitingFor !== null) lines.push(`    ${operation.waitingFor}`);
  return lines;
}

function duration(step: Step, nowMs: number): string {
  if (step.startedAt === null) return '';
  const end = step.finishedAt === null ? nowMs : Date.parse(step.finishedAt);
  const ms = end - Date.parse(step.startedAt);
  return step.state !== 'running' || ms >= 1_000 ? `  ${(Math.max(0, ms) / 1000).toFixed(1)} s` : '';
}

function liveView(environment: CliEnvironment): PlanView {
  const { stderr } = environment;
  const colour = coloursOn(stderr, environment);
  let last: OperationSummary | undefined;
  let drawn = 0;
  let before = '';
  const draw = () => {
    if (last === undefined) return;
    const width = stderr.columns || 80;
    const plain = planLines(last, Date.now(), false);
    const lines = planLines(last, Date.now(), colour);
    // A line that wraps would make the cursor go up too little.
    const fitting = lines.map((line, i) =>
      (plain[i] ?? '').length < width ? line : cutTo(plain[i] ?? '', width - 1),
    );
    const text = fitting.map((line) => `${line}\n`).join('');
    if (text === before) return;
    before = text;
    const up = drawn === 0 ? '' : `\u001b[${drawn}A`;
    stderr.write(`${up}\u001b[J${text}`);
    drawn = fitting.length;
  };
  const timer = setInterval(draw, 200);
  return {
    show(operation) {
      last = operation;
      draw();
    },
    close() {
      clearInterval(timer);
    },
  };
}

function plainView(environment: CliEnvironment): PlanView {
  const shown = new Map<string, string>();
  let waitingSince: number | undefined;
  return {
    show(operation) {
      for (const step of operation.plan) {
        if (step.state === 'pending' || shown.get(step.name) === step.state) continue;
        shown.set(step.name, step.state);
        if (step.state === 'running') continue;
        environment.stderr.write(`  ${step.state.padEnd(7)}  ${step.title}${duration(step, Date.now())}\n`);
      }
      if (operation.waitingFor === null) waitingSince = undefined;
      else waitingSince ??= performance.now();
      if (waitingSince !== undefined && performance.now() - waitingSince > quietMs) {
        environment.stderr.write(`  waiting  ${operation.waitingFor}\n`);
        waitingSince = performance.now();
      }
    },
    close() {},
  };
}
