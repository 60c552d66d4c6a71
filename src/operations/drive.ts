/**
 * Drives one operation from where its row says it is until it ends, waits for long, or is lost.
 *
 * Every write compares the lease: once another runner holds the row, nothing more is written and the
 * signal that steps got is aborted.
 */
import type { OperationState, PlanStep } from '../domain/operations.ts';
import { codeOf, messageOf, PlatformError } from '../lib/errors.ts';
import { insertEvent } from '../store/events.ts';
import { holdLease, type NamedOperation, renewLease, writeOperation } from '../store/operations.ts';
import type { OperationContext } from './context.ts';
import type { Operation, Step, StepResult, StepRun, UndoRun } from './operation.ts';
import { operations } from './table.ts';

/** What a test throws from a hook: the runner dies on the spot, as a killed process would. */
export class Crash extends Error {}
class LeaseLost extends Error {}

export type Hooks = {
  /** After the step's work and before its row is written. */
  afterWork?(operation: NamedOperation, step: string): void | Promise<void>;
  /** After the row is written. */
  afterRow?(operation: NamedOperation, step: string): void | Promise<void>;
  /** Before the result of a step counts; a test runs the step a second time here. */
  again?(operation: NamedOperation, step: string): boolean;
};

export type Drive = {
  context: OperationContext;
  owner: string;
  leaseMs: number;
  signal: AbortSignal;
  onNudge(clusterId: string, go: () => void): () => void;
  hooks: Hooks;
};

/** Errors of these kinds may pass by themselves: the step is tried again until its deadline. */
const passing = new Set(['unavailable', 'timeout', 'conflict']);
/** Anything that is not a PlatformError is tried again this often, in case it was a passing fault. */
const unknownErrorTries = 3;
const undoTries = 20;
/** A wait is told when its step has lasted this long, and then at most this often. */
const tellAfterMs = 700;
const tellEveryMs = 500;

export class Driven implements AsyncDisposable {
  readonly #drive: Drive;
  readonly #row: NamedOperation;
  readonly #operation: Operation;
  readonly #steps: Step[];
  readonly #lost = new AbortController();
  readonly #signal: AbortSignal;
  readonly #renewal: NodeJS.Timeout;
  readonly #started = new Map<string, Promise<unknown>>();
  /** When this runner took up a step that another life had begun. */
  readonly #resumedAtMs: number;
  #nudged = false;
  #toldAtMs = Number.NEGATIVE_INFINITY;
  #pausing = false;
  #lookAgain = false;
  #wake = () => {};
  #stopNudges: () => void;

  constructor(drive: Drive, row: NamedOperation) {
    this.#drive = drive;
    this.#row = row;
    this.#operation = operations[row.kind];
    this.#steps = this.#operation.steps(row.input);
    const isResumed = row.step_deadline !== null;
    this.#resumedAtMs = isResumed ? drive.context.clock.nowMs() : Number.NEGATIVE_INFINITY;
    this.#signal = AbortSignal.any([drive.signal, this.#lost.signal]);
    this.#renewal = setInterval(() => void this.#renew(), drive.leaseMs / 3);
    this.#stopNudges = drive.onNudge(row.cluster_id, () => {
      this.#nudged = true;
      this.#wake();
    });
  }

  async [Symbol.asyncDispose]() {
    clearInterval(this.#renewal);
    this.#stopNudges();
    await Promise.allSettled(this.#started.values());
  }

  async #renew() {
    try {
      const answer = await renewLease(this.#db, this.#row.id, this.#drive.owner, this.#drive.leaseMs);
      if (answer === 'lost') return this.#lost.abort(new LeaseLost('the lease is lost'));
      this.#sawCancel(answer.cancelRequested);
    } catch {
      // The store does not answer; the lease may end, and then the next write finds that out.
    }
  }

  /** The row was announced as changed, perhaps by ourselves: a cancel is found at once this way. */
  look() {
    if (this.#pausing) void this.#renew();
    else this.#lookAgain = true;
  }

  get #db() {
    return this.#drive.context.store.db;
  }

  #sawCancel(requested: boolean) {
    if (!requested || this.#row.cancel_requested) return;
    this.#row.cancel_requested = true;
    this.#nudged = true;
    this.#wake();
  }

  async toEnd(): Promise<void> {
    let tries = 0;
    while (!this.#signal.aborted) {
      if (this.#row.state === 'cancelling') return this.#undoAll();
      if (this.#row.cancel_requested) {
        await this.#write({ state: 'cancelling', waiting_for: null });
        continue;
      }
      const step = this.#steps.find((candidate) => candidate.name === this.#row.step);
      if (step === undefined) throw new Error(`${this.#row.kind} has no step ${this.#row.step}`);
      this.#nudged = false;
      if (this.#planStep(step.name)?.startedAt === null || this.#row.step_deadline === null) {
        await this.#enter(step.name);
        continue;
      }
      let result: StepResult;
      try {
        result = await this.#runStep(step);
        tries = 0;
      } catch (error) {
        if (error instanceof Crash || this.#signal.aborted) throw error;
        tries += 1;
        result = this.#afterError(step, error, tries);
      }
      if (this.#signal.aborted) return;
      result = await this.#overdue(step, result);
      if (await this.#apply(step, result)) return;
    }
  }

  async #runStep(step: Step): Promise<StepResult> {
    const run = (): Promise<StepResult> => step.run(this.#stepRun(step));
    let result = await run();
    if (this.#drive.hooks.again?.(this.#row, step.name)) result = await run();
    await this.#drive.hooks.afterWork?.(this.#row, step.name);
    return result;
  }

  /** True when the operation has ended. */
  async #apply(step: Step, result: StepResult): Promise<boolean> {
    switch (result.kind) {
      case 'goto':
        this.#mark(step.name, 'done');
        await this.#enter(result.step);
        await this.#drive.hooks.afterRow?.(this.#row, step.name);
        return false;
      case 'wait':
        if (this.#isWorthTelling(step, result.for)) {
          this.#toldAtMs = this.#drive.context.clock.monotonicMs();
          await this.#write({ state: 'waiting', waiting_for: result.for });
        }
        await this.#pause(result.againMs);
        return false;
      case 'done':
        this.#mark(step.name, 'done');
        await this.#write(this.#final('done'));
        await this.#drive.hooks.afterRow?.(this.#row, step.name);
        return true;
      case 'fail':
        return this.#fail(step, result.error);
    }
  }

  /**
   * Who and why is for people: not before they could wonder, and no faster than they can read. Each
   * telling costs a row, a notification and a call of everybody who looks.
   */
  #isWorthTelling(step: Step, sentence: string): boolean {
    if (this.#row.waiting_for === sentence && this.#row.state === 'waiting') return false;
    const { clock } = this.#drive.context;
    if (clock.monotonicMs() - this.#toldAtMs < tellEveryMs) return false;
    const startedAt = this.#planStep(step.name)?.startedAt;
    return (
      startedAt === null || startedAt === undefined || clock.nowMs() - Date.parse(startedAt) >= tellAfterMs
    );
  }

  async #fail(step: Step, error: PlatformError): Promise<boolean> {
    const { kind, publicMessage: message, hint } = error;
    const written = JSON.stringify({ kind, message, hint });
    this.#drive.context.log.warn({ error, operation: this.#row.id, step: step.name }, 'an operation failed');
    this.#mark(step.name, 'failed');
    const isLate = this.#operation.pointOfNoReturn?.steps.includes(step.name) === true;
    if (this.#operation.onFailure === 'undo' && !isLate) {
      const plan = JSON.stringify(this.#row.plan);
      await this.#write({ state: 'cancelling', waiting_for: null, error: written, plan });
      return false;
    }
    await this.#event('error', 'operation-failed', `${this.#row.kind} failed: ${message}`);
    await this.#write({ ...this.#final('failed'), error: written });
    return true;
  }

  #afterError(step: Step, error: unknown, tries: number): StepResult {
    const known = error instanceof PlatformError;
    this.#drive.context.log.warn({ error, operation: this.#row.id, step: step.name, tries }, 'a step threw');
    if (known ? passing.has(error.kind) : codeOf(error) !== 'ENOSPC' && tries < unknownErrorTries) {
      const why = known ? error.publicMessage : messageOf(error);
      const againMs = Math.min(50 * 2 ** Math.min(tries, 6), 2_000);
      return { kind: 'wait', for: `${step.title} is tried again: ${why}`, againMs };
    }
    if (known) return { kind: 'fail', error };
    const message =
      codeOf(error) === 'ENOSPC'
        ? `${step.title}: the disk is full`
        : `${step.title} failed: ${messageOf(error)}`;
    const hint = codeOf(error) === 'ENOSPC' ? 'Free disk space, or purge a deleted cluster' : undefined;
    return { kind: 'fail', error: new PlatformError('unavailable', message, { cause: error, hint }) };
  }

  /** A wait whose deadline has passed gives up, or raises an alarm once and goes on. */
  async #overdue(step: Step, result: StepResult): Promise<StepResult> {
    // The time in which no platform ran is nobody's fault: nothing is given up for it.
    const resumedAtMs = step.overdue === 'fail' ? this.#resumedAtMs : Number.NEGATIVE_INFINITY;
    const { step_deadline, deadline } = this.#row;
    const overdueAtMs = Math.min(
      Math.max(step_deadline?.getTime() ?? Number.POSITIVE_INFINITY, resumedAtMs + step.deadlineMs),
      Math.max(deadline.getTime(), resumedAtMs + this.#operation.deadlineMs),
    );
    if (result.kind !== 'wait' || this.#drive.context.clock.nowMs() < overdueAtMs) return result;
    const message = `${step.title} took too long: ${result.for}`;
    if (step.overdue === 'fail') {
      const hint = 'Look at the events of the cluster, then try again';
      return { kind: 'fail', error: new PlatformError('timeout', message, { hint }) };
    }
    if (this.#row.data.alarmedFor !== step.name) {
      await this.#event(
        'error',
        'operation-overdue',
        `${this.#row.kind}: ${message}. It keeps trying; cancel it with: moor cancel ${this.#row.id}`,
      );
      await this.#remember({ alarmedFor: step.name });
    }
    return result;
  }

  /** Undoes what was done, newest first; ends in 'failed' when an error is noted, else 'cancelled'. */
  async #undoAll(): Promise<void> {
    const remains: string[] = [];
    for (const step of this.#steps.toReversed()) {
      const planned = this.#planStep(step.name);
      if (planned === undefined || planned.startedAt === null || planned.state === 'undone') continue;
      if (step.undo === undefined) {
        if (step.remains !== undefined) remains.push(step.remains);
        continue;
      }
      const problem = await this.#undoOne(step);
      if (problem !== undefined) remains.push(problem);
      if (this.#signal.aborted) return;
      if (problem === undefined) this.#mark(step.name, 'undone');
      await this.#drive.hooks.afterWork?.(this.#row, `undo ${step.name}`);
      await this.#write({ plan: JSON.stringify(this.#row.plan) });
      await this.#drive.hooks.afterRow?.(this.#row, `undo ${step.name}`);
    }
    const failed = this.#row.error !== null;
    const why = failed
      ? `${this.#row.kind} failed: ${this.#row.error?.message}`
      : `${this.#row.kind} was cancelled`;
    const left = remains.length === 0 ? '' : ` ${remains.join(' ')}`;
    const event = failed ? 'operation-failed' : 'operation-cancelled';
    await this.#event(failed ? 'error' : 'info', event, `${why}.${left}`);
    // What had begun and has no undo is not under way any more either.
    for (const planned of this.#row.plan) if (planned.state === 'running') planned.state = 'undone';
    const error = this.#row.error ?? { kind: 'cancelled', message: 'The operation was cancelled.' };
    await this.#write({
      ...this.#final(failed ? 'failed' : 'cancelled'),
      error: JSON.stringify({ ...error, message: `${error.message}${left}` }),
    });
  }

  async #undoOne(step: Step): Promise<string | undefined> {
    for (let tries = 1; ; tries++) {
      try {
        await step.undo?.(this.#undoRun(step));
        return undefined;
      } catch (error) {
        if (error instanceof Crash || this.#signal.aborted) throw error;
        this.#drive.context.log.warn({ error, step: step.name, tries }, 'an undo threw');
        if (tries >= undoTries) return `Undoing "${step.title}" failed: ${messageOf(error)}.`;
        await this.#drive.context.clock.delay(Math.min(50 * 2 ** tries, 2_000), this.#signal);
      }
    }
  }

  // What steps get -----------------------------------------------------------------------------------

  #stepRun(step: Step): StepRun {
    const index = this.#steps.indexOf(step);
    const next = this.#steps[index + 1];
    const startedAt = this.#planStep(step.name)?.startedAt;
    const nowMs = this.#drive.context.clock.nowMs();
    return {
      ...this.#undoRun(step),
      elapsedMs: startedAt ? nowMs - Date.parse(startedAt) : 0,
      next: () => (next === undefined ? { kind: 'done' } : { kind: 'goto', step: next.name }),
      wait: (sentence, againMs = 1_000) => ({ kind: 'wait', for: sentence, againMs }),
    };
  }

  #undoRun(step: Step): UndoRun {
    const { context, owner } = this.#drive;
    return {
      context,
      operation: this.#row,
      signal: this.#signal,
      log: context.log.child({ operation: this.#row.id, step: step.name }),
      transaction: (write) =>
        context.store.transaction(async (tx) => {
          if (!(await holdLease(tx, this.#row.id, owner))) throw this.#loseLease();
          return write(tx);
        }),
      remember: (data) => this.#remember(data),
      progress: (sentence) => {
        this.#write({ waiting_for: sentence }).catch(() => {});
      },
      once: <T>(key: string, start: () => Promise<T>): Promise<T> => {
        const running = this.#started.get(key) as Promise<T> | undefined;
        if (running !== undefined) return running;
        const started = start();
        this.#started.set(key, started);
        // A failure is thrown to whoever waits for it, and the next try starts anew.
        started.catch(() => this.#started.delete(key));
        return started;
      },
    };
  }

  // The row ------------------------------------------------------------------------------------------

  async #enter(name: string): Promise<void> {
    const step = this.#steps.find((candidate) => candidate.name === name);
    if (step === undefined) throw new Error(`${this.#row.kind} has no step ${name}`);
    const nowMs = this.#drive.context.clock.nowMs();
    const deadline = new Date(nowMs + step.deadlineMs);
    this.#mark(name, 'running');
    await this.#write({
      step: name,
      step_deadline: deadline,
      state: 'running',
      waiting_for: null,
      plan: JSON.stringify(this.#row.plan),
    });
    this.#row.step = name;
    this.#row.step_deadline = deadline;
  }

  #final(state: OperationState) {
    return {
      state,
      plan: JSON.stringify(this.#row.plan),
      waiting_for: null,
      finished_at: new Date(this.#drive.context.clock.nowMs()),
      lease_owner: null,
      lease_until: null,
    };
  }

  #planStep(name: string): PlanStep | undefined {
    return this.#row.plan.find((step) => step.name === name);
  }

  #mark(name: string, state: PlanStep['state']) {
    const at = new Date(this.#drive.context.clock.nowMs()).toISOString();
    const planned = this.#planStep(name);
    if (planned === undefined) return;
    planned.state = state;
    if (state === 'running') planned.startedAt ??= at;
    else planned.finishedAt = at;
  }

  async #remember(data: Record<string, unknown>): Promise<void> {
    Object.assign(this.#row.data, data);
    await this.#write({ data: JSON.stringify(this.#row.data) });
  }

  async #write(change: Parameters<typeof writeOperation>[3]): Promise<void> {
    const answer = await writeOperation(this.#db, this.#row, this.#drive.owner, change);
    if (answer === 'lost') throw this.#loseLease();
    if (change.state !== undefined) this.#row.state = change.state;
    if (change.waiting_for !== undefined) this.#row.waiting_for = change.waiting_for;
    if (typeof change.error === 'string') this.#row.error = JSON.parse(change.error);
    this.#sawCancel(answer.cancelRequested);
  }

  #loseLease(): LeaseLost {
    const lost = new LeaseLost('another runner holds the operation now');
    this.#lost.abort(lost);
    return lost;
  }

  async #event(severity: 'info' | 'error', kind: string, message: string): Promise<void> {
    const data = { operation: this.#row.id };
    await insertEvent(this.#db, { clusterId: this.#row.cluster_id, severity, kind, message, data });
  }

  /** Until the time is up, something was reported, or the runner stops. */
  async #pause(ms: number): Promise<void> {
    if (this.#lookAgain) {
      this.#lookAgain = false;
      await this.#renew();
    }
    if (this.#nudged || this.#signal.aborted) return;
    this.#pausing = true;
    await new Promise<void>((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.#signal.removeEventListener('abort', done);
        this.#wake = () => {};
        resolve();
      };
      const timer = setTimeout(done, ms);
      this.#signal.addEventListener('abort', done, { once: true });
      this.#wake = done;
    });
    this.#pausing = false;
  }
}
