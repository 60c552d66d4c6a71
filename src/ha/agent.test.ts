import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Assignment, Member } from '../domain/assignment.ts';
import type { DatabaseObservation } from '../domain/status.ts';
import { type AgentEvent, type AgentState, initialAgentState, step, type Task } from './agent.ts';
import { describeAgent } from './agent-phase.ts';

const members: Member[] = [1, 2, 3].map((n) => ({
  instanceId: `i${n}`,
  name: `orders-${n}`,
  host: `127.20.${n}.1`,
  port: 21000 + n,
  zone: 'abc'[n - 1] ?? '',
}));

function assignmentOf(change: Partial<Assignment> = {}): Assignment {
  const term = change.term ?? 1;
  return {
    instanceId: 'i1',
    generation: 1,
    term,
    role: 'leader',
    run: 'running',
    rule: { term, leader: 'i1', cohort: ['i1', 'i2', 'i3'], ackers: ['i2', 'i3'], k: 1 },
    members,
    ack: 'memory',
    restartCount: 0,
    ...change,
  };
}

const standby = (change: Partial<Assignment> = {}) =>
  assignmentOf({ instanceId: 'i2', role: 'standby', ...change });

function initial(assignment: Assignment, change: Partial<Parameters<typeof initialAgentState>[0]> = {}) {
  return initialAgentState({
    instanceId: assignment.instanceId,
    assignment,
    promisedTerm: assignment.term,
    fault: null,
    applicationTerm: 0,
    restartsDone: 0,
    unplannedRestarts: 0,
    ...change,
  });
}

const healthy: DatabaseObservation = {
  role: 'primary',
  writable: true,
  open: true,
  position: { kind: 'gtid', executed: '', received: '' },
  receiver: null,
  lagMs: null,
  followers: [],
  connections: 0,
};

const killed: AgentEvent = { kind: 'exited', exit: { code: null, signal: 'SIGKILL', at: 5 }, asked: false };

/** Carries every task out at once, and lists them; stops at a task named in `hang`. */
function run(
  state: AgentState,
  event: AgentEvent,
  now: number,
  hang?: Task['kind'],
): { state: AgentState; tasks: Task['kind'][]; aborts: number } {
  const tasks: Task['kind'][] = [];
  let aborts = 0;
  let next = step(state, event, now);
  for (;;) {
    const action = next.actions[0];
    if (!action) return { state: next.state, tasks, aborts };
    if (action.kind === 'abort') {
      aborts += 1;
      next = step(next.state, { kind: 'failed', message: 'aborted', outcome: 'aborted' }, now);
      continue;
    }
    tasks.push(action.task.kind);
    if (action.task.kind === hang) return { state: next.state, tasks, aborts };
    if (action.task.kind === 'stop') {
      const exit = { code: 0, signal: null, at: now };
      next = step(next.state, { kind: 'exited', exit, asked: true }, now);
    }
    next = step(next.state, { kind: 'done' }, now);
    assert.ok(tasks.length < 50, 'the agent goes round in circles');
  }
}

const boot = (assignment: Assignment, change = {}) =>
  run(initial(assignment, change), { kind: 'found', server: null }, 0);

const leaderBoot = [
  'start',
  'connect',
  'provisionPlatform',
  'enforceRule',
  'prove',
  'provisionApplication',
  'allowWrites',
  'open',
];

describe('the agent boots its server gated', () => {
  it('does nothing before it has looked for a server that runs already', () => {
    const { actions } = step(initial(assignmentOf()), { kind: 'tick' }, 0);
    assert.deepEqual(actions, []);
  });

  it('proves the term of a leader before anybody is let in', () => {
    const { state, tasks } = boot(assignmentOf());
    assert.deepEqual(tasks, leaderBoot);
    assert.equal(describeAgent(state, 0).phase, 'open');
    assert.equal(state.convergedGeneration, 1);
  });

  it('lets a standby follow before its readers come', () => {
    const { tasks } = boot(standby());
    assert.deepEqual(tasks, ['start', 'connect', 'provisionPlatform', 'follow', 'open']);
  });

  it('waits as long as the quorum does not answer, and names who is missing', () => {
    const { state, tasks } = run(initial(assignmentOf()), { kind: 'found', server: null }, 0, 'prove');
    assert.equal(tasks.at(-1), 'prove');
    const seen = step(
      state,
      { kind: 'observed', database: { ...healthy, open: false, followers: ['orders-2'] }, begunAt: 0 },
      90_000,
    );
    assert.deepEqual(seen.actions, []);
    const { phase, why } = describeAgent(seen.state, 90_000);
    assert.equal(phase, 'proving');
    assert.match(why, /1 of orders-2, orders-3/);
    assert.match(why, /not streaming yet: orders-3/);
  });

  it('stays closed and follows nobody when a newer term is promised', () => {
    for (const assignment of [assignmentOf(), standby()]) {
      const { state, tasks } = boot(assignment, { promisedTerm: 2 });
      assert.deepEqual(tasks, ['start', 'connect', 'provisionPlatform']);
      const { phase, why } = describeAgent(state, 0);
      assert.equal(phase, 'gated');
      assert.match(why, /Term 2 is promised/);
      assert.equal(state.convergedGeneration, 0);
    }
  });

  it('opens as soon as the assignment of the promised term comes', () => {
    const { state } = boot(assignmentOf(), { promisedTerm: 2 });
    const next = run(state, { kind: 'assigned', assignment: assignmentOf({ generation: 2, term: 2 }) }, 5);
    assert.deepEqual(next.tasks, ['enforceRule', 'prove', 'provisionApplication', 'allowWrites', 'open']);
    assert.equal(next.state.convergedGeneration, 2);
  });

  it('never opens with a promise that cannot be read, and cuts off a leader that runs', () => {
    const fault = { sentence: 'The file of promised terms cannot be read.', until: 'person' } as const;
    assert.deepEqual(boot(assignmentOf(), { fault }).tasks, []);
    const running = run(
      initial(assignmentOf(), { fault }),
      { kind: 'found', server: { restartCount: 0 } },
      0,
    );
    assert.deepEqual(running.tasks, ['connect']);
    const seen = run(running.state, { kind: 'observed', database: healthy, begunAt: 0 }, 1);
    assert.deepEqual(seen.tasks, ['close']);
    assert.equal(describeAgent(seen.state, 1).phase, 'failed');
  });
});

describe('the agent brings a server back that has ended', () => {
  it('starts it at once the first time, gated, and does not make the application again', () => {
    const { state } = boot(assignmentOf());
    const next = run(state, killed, 100);
    assert.deepEqual(
      next.tasks,
      leaderBoot.filter((kind) => kind !== 'provisionApplication'),
    );
    assert.equal(next.state.unplannedRestarts, 1);
  });

  it('pauses longer and longer while it ends again and again', () => {
    let { state } = boot(assignmentOf());
    const pauses: number[] = [];
    let now = 100;
    for (let i = 0; i < 9; i += 1) {
      const crashed: AgentState = run(state, killed, now, 'connect').state;
      pauses.push(crashed.nextStartAt - now);
      if (crashed.nextStartAt > now) {
        assert.deepEqual(step(crashed, { kind: 'tick' }, crashed.nextStartAt - 1).actions, []);
      }
      now = crashed.nextStartAt;
      state = crashed.running ? crashed : run(crashed, { kind: 'tick' }, now, 'connect').state;
      assert.equal(state.running?.task.kind, 'connect');
    }
    assert.deepEqual(pauses, [0, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 30_000]);
  });

  it('begins the pauses anew after it was open for a minute', () => {
    let { state } = boot(assignmentOf());
    for (const now of [100, 200])
      state = run(run(state, killed, now).state, { kind: 'tick' }, now + 5000).state;
    const crashed = step(state, killed, 200 + 5000 + 60_000).state;
    assert.equal(crashed.exitsInARow, 1);
    assert.equal(crashed.unplannedRestarts, 3);
  });

  it('says how the server ended and when it starts again', () => {
    const { state } = boot(assignmentOf());
    const once = run(state, killed, 100).state;
    const twice = step(once, killed, 150).state;
    const { phase, why } = describeAgent(twice, 150);
    assert.equal(phase, 'crashed');
    assert.equal(
      why,
      'The server was killed by SIGKILL. It has ended 2 times in a row. It is started again in 0.2 s.',
    );
  });

  it('gives the late result of a task on a dead server no credit', () => {
    const { state } = run(initial(assignmentOf()), { kind: 'found', server: null }, 0, 'allowWrites');
    const dead = step(state, killed, 10);
    assert.deepEqual(dead.actions, [{ kind: 'abort' }]);
    const late = step(dead.state, { kind: 'done' }, 11).state;
    assert.equal(late.progress.writes, null);
    assert.equal(late.running?.task.kind, 'start');
  });

  it('tries a task again after a pause that grows, and stops for good when no retry heals', () => {
    const { state } = run(initial(standby()), { kind: 'found', server: null }, 0, 'follow');
    const failed = step(state, { kind: 'failed', message: 'access denied', outcome: 'retry' }, 10);
    assert.deepEqual(failed.actions, []);
    assert.match(describeAgent(failed.state, 10).why, /following the primary \(access denied\)/);
    assert.equal(step(failed.state, { kind: 'tick' }, 109).actions.length, 0);
    assert.equal(step(failed.state, { kind: 'tick' }, 110).actions.length, 1);

    const started = step(initial(standby()), { kind: 'found', server: null }, 0).state;
    const hopeless = step(started, { kind: 'failed', message: 'The data is gone.', outcome: 'hopeless' }, 1);
    assert.deepEqual(describeAgent(hopeless.state, 1), { phase: 'failed', why: 'The data is gone.' });
    assert.deepEqual(step(hopeless.state, { kind: 'tick' }, 99_999).actions, []);
  });
});

describe('the agent converges to each newer assignment', () => {
  it('adopts a running server and proves its term again without cutting anybody off', () => {
    const { state, tasks } = run(
      initial(assignmentOf(), { applicationTerm: 1 }),
      { kind: 'found', server: { restartCount: 0 } },
      0,
    );
    assert.deepEqual(tasks, ['connect', 'provisionPlatform', 'enforceRule', 'prove', 'allowWrites', 'open']);
    assert.equal(state.unplannedRestarts, 0);
  });

  it('restarts once for each restartCount, and not again after the agent was killed', () => {
    const { state } = boot(assignmentOf());
    const asked = { kind: 'assigned', assignment: assignmentOf({ generation: 2, restartCount: 1 }) } as const;
    const next = run(state, asked, 10);
    assert.equal(next.tasks[0], 'stop');
    assert.equal(next.tasks.filter((kind) => kind === 'start').length, 1);
    assert.equal(next.state.restartsDone, 1);
    assert.equal(next.state.unplannedRestarts, 0);

    const adopted = run(initial(asked.assignment), { kind: 'found', server: { restartCount: 1 } }, 0);
    assert.ok(!adopted.tasks.includes('stop'));
    const notYet = run(initial(asked.assignment), { kind: 'found', server: { restartCount: 0 } }, 0);
    assert.equal(notYet.tasks[0], 'stop');
  });

  it('stops the server when told so, even while it waits for the quorum', () => {
    const { state } = run(initial(assignmentOf()), { kind: 'found', server: null }, 0, 'prove');
    const stopped = run(
      state,
      { kind: 'assigned', assignment: assignmentOf({ generation: 2, run: 'stopped' }) },
      9,
    );
    assert.equal(stopped.aborts, 1);
    assert.deepEqual(stopped.tasks, ['stop']);
    assert.equal(describeAgent(stopped.state, 9).phase, 'stopped');
    assert.equal(stopped.state.convergedGeneration, 2);
    const again = run(stopped.state, { kind: 'assigned', assignment: assignmentOf({ generation: 3 }) }, 20);
    assert.equal(again.tasks[0], 'start');
  });

  it('stops the server when the platform is taken down, and does not start it again', () => {
    const { state } = run(initial(assignmentOf()), { kind: 'found', server: null }, 0, 'prove');
    const left = run(state, { kind: 'leaving' }, 9);
    assert.deepEqual(left.tasks, ['stop']);
    assert.deepEqual(run(left.state, { kind: 'tick' }, 1000).tasks, []);
  });

  it('puts a changed rule in force and proves in it when it is of a new term', () => {
    const { state } = boot(assignmentOf());
    const rule = { ...assignmentOf().rule, ackers: ['i2'] };
    const shrunk = run(state, { kind: 'assigned', assignment: assignmentOf({ generation: 2, rule }) }, 10);
    assert.deepEqual(shrunk.tasks, ['enforceRule']);
    const term2 = run(
      shrunk.state,
      { kind: 'assigned', assignment: assignmentOf({ generation: 3, term: 2 }) },
      20,
    );
    assert.deepEqual(term2.tasks, ['enforceRule', 'prove', 'provisionApplication']);
  });

  it('refuses writes while the volume is full and takes them again afterwards', () => {
    const { state } = boot(assignmentOf());
    const full = run(state, { kind: 'volume', full: true }, 10);
    assert.deepEqual(full.tasks, ['refuseWrites']);
    assert.match(describeAgent(full.state, 10).why, /volume is full/);
    assert.deepEqual(run(full.state, { kind: 'volume', full: false }, 20).tasks, ['allowWrites']);
  });
});

describe('the agent keeps promises', () => {
  it('cuts a leader off that promises a newer term, and keeps the readers of a standby', () => {
    const leader = run(boot(assignmentOf()).state, { kind: 'promised', term: 2 }, 10);
    assert.deepEqual(leader.tasks, ['close']);
    assert.equal(describeAgent(leader.state, 10).phase, 'gated');
    const reader = run(boot(standby()).state, { kind: 'promised', term: 2 }, 10);
    assert.deepEqual(reader.tasks, []);
    assert.equal(describeAgent(reader.state, 10).phase, 'open');
  });

  it('begins nothing while a promise is being given, and aborts a wait for the quorum', () => {
    const { state } = run(initial(assignmentOf()), { kind: 'found', server: null }, 0, 'prove');
    const held = step(state, { kind: 'held' }, 10);
    assert.deepEqual(held.actions, [{ kind: 'abort' }]);
    const idle = step(held.state, { kind: 'failed', message: 'aborted', outcome: 'aborted' }, 11);
    assert.deepEqual(idle.actions, []);
    const refused = run(idle.state, { kind: 'released' }, 12, 'prove');
    assert.deepEqual(refused.tasks, ['prove']);
  });

  it('follows again when the promise came to nothing, and not when it was given', () => {
    const held = step(boot(standby()).state, { kind: 'held' }, 10).state;
    assert.deepEqual(run(held, { kind: 'released' }, 11).tasks, ['follow']);
    const promised = step(held, { kind: 'promised', term: 2 }, 11).state;
    assert.deepEqual(run(promised, { kind: 'released' }, 12).tasks, []);
  });
});

describe('the agent believes what the database says', () => {
  const receiver = { state: 'stopped', source: null, error: 'fatal error 1236' } as const;
  const stopped: DatabaseObservation = { ...healthy, role: 'standby', writable: false, receiver };

  it('follows again, after a second, when the receiver has stopped by itself', () => {
    const { state } = boot(standby());
    const seen = step(state, { kind: 'observed', database: stopped, begunAt: 5 }, 6);
    assert.deepEqual(seen.actions, []);
    assert.match(describeAgent(seen.state, 6).why, /fatal error 1236/);
    assert.deepEqual(run(seen.state, { kind: 'tick' }, 1006).tasks, ['follow']);
  });

  it('ignores an observation that was begun before the last task ended', () => {
    const begun = run(initial(standby()), { kind: 'found', server: null }, 100).state;
    const seen = step(begun, { kind: 'observed', database: stopped, begunAt: 99 }, 101);
    assert.notEqual(seen.state.progress.following, null);
  });

  it('opens again when somebody has closed the server behind its back', () => {
    const { state } = boot(assignmentOf());
    const seen = step(state, { kind: 'observed', database: { ...healthy, open: false }, begunAt: 5 }, 6);
    assert.deepEqual(run(seen.state, { kind: 'tick' }, 1006).tasks, ['open']);
  });

  it('connects again when its session is lost, and keeps what it has done', () => {
    const { state } = boot(assignmentOf());
    const lost = run(state, { kind: 'sessionLost', reason: 'connection reset' }, 10);
    assert.deepEqual(lost.tasks, ['connect', 'enforceRule']);
    assert.equal(describeAgent(lost.state, 10).phase, 'open');
  });
});
