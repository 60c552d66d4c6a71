/**
 * The shapes of the agent contract, checked at run time on both sides. zod/mini, because an agent has
 * a budget of 60 MB and full zod with its locales is a noticeable part of that.
 *
 * The types are the domain's; `satisfies` and `Same` below keep schema and type from drifting apart.
 */
import * as z from 'zod/mini';
import type { Assignment, InstanceIdentity, InstanceSecrets, Member } from '../../domain/assignment.ts';
import type { Pack } from '../../domain/packs.ts';
import type { Rule } from '../../domain/rules.ts';
import type { DatabaseObservation, InstanceStatus, Position } from '../../domain/status.ts';
import type { AgentLaunch, PromiseRecord, PromiseReply, PromiseRequest } from './contract.ts';

const text = z.string().check(z.minLength(1), z.maxLength(300));
const sentence = z.string().check(z.maxLength(20_000));
const port = z.int().check(z.minimum(1), z.maximum(65_535));
const count = z.int().check(z.minimum(0));
const term = z.int().check(z.minimum(1));
const number = z.number();

export const ruleSchema = z.object({
  term,
  leader: text,
  cohort: z.array(text).check(z.minLength(1), z.maxLength(64)),
  ackers: z.array(text).check(z.maxLength(64)),
  k: count,
});

export const memberSchema = z.object({ instanceId: text, name: text, host: text, port, zone: text });

export const assignmentSchema = z
  .object({
    instanceId: text,
    generation: z.int().check(z.minimum(1)),
    term,
    role: z.enum(['leader', 'standby']),
    run: z.enum(['running', 'stopped']),
    rule: ruleSchema,
    members: z.array(memberSchema).check(z.minLength(1), z.maxLength(64)),
    ack: z.enum(['memory', 'disk']),
    restartCount: count,
  })
  .check(
    z.refine((a) => a.members.some((member) => member.instanceId === a.instanceId), {
      error: 'the instance is not among its own members',
      path: ['members'],
    }),
    z.refine((a) => a.rule.term <= a.term, {
      error: 'is of a newer term than the assignment',
      path: ['rule'],
    }),
    z.refine((a) => (a.role === 'leader') === (a.rule.leader === a.instanceId), {
      error: 'does not agree with the leader that the rule names',
      path: ['role'],
    }),
    z.refine((a) => a.rule.k <= a.rule.ackers.length, {
      error: 'asks for more acknowledgements than there are ackers',
      path: ['rule', 'k'],
    }),
    z.refine((a) => !a.rule.ackers.includes(a.rule.leader), {
      error: 'counts the leader among the ackers',
      path: ['rule', 'ackers'],
    }),
  );

export const positionSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('gtid'), executed: sentence, received: sentence }),
  z.object({ kind: z.literal('lsn'), timeline: count, received: text, replayed: text }),
]);

export const promiseRequestSchema = z.object({ term, coordinator: text, round: count });

export const promiseReplySchema = z.object({
  promisedTerm: term,
  previousTerm: count,
  position: z.nullable(positionSchema),
});

export const promiseRecordSchema = z.object({
  term: count,
  coordinator: z.nullable(text),
  round: count,
  outgoingRule: z.nullable(ruleSchema),
  rewindFloor: z.nullable(text),
  highestReceived: z.nullable(positionSchema),
});

/** The answer to PUT /v1/assignment. */
export const assignmentReplySchema = z.object({ generation: count, promisedTerm: term });

export const observationSchema = z.object({
  role: z.enum(['primary', 'standby']),
  writable: z.boolean(),
  open: z.boolean(),
  position: positionSchema,
  receiver: z.nullable(
    z.object({
      state: z.enum(['streaming', 'connecting', 'stopped']),
      source: z.nullable(sentence),
      error: z.nullable(sentence),
    }),
  ),
  lagMs: z.nullable(number),
  followers: z.array(sentence),
  connections: number,
});

export const instanceStatusSchema = z.object({
  clusterId: text,
  instanceId: text,
  agentBootId: text,
  sequence: count,
  at: number,
  phase: z.enum([
    'preparing',
    'starting',
    'gated',
    'proving',
    'open',
    'stopping',
    'stopped',
    'crashed',
    'failed',
  ]),
  why: sentence,
  promisedTerm: count,
  generation: count,
  convergedGeneration: count,
  restartsDone: count,
  server: z.object({
    pid: z.nullable(count),
    startedAt: z.nullable(number),
    unplannedRestarts: count,
    lastExit: z.nullable(z.object({ code: z.nullable(number), signal: z.nullable(z.string()), at: number })),
    nextStartAt: z.nullable(number),
    version: z.nullable(sentence),
    residentBytes: z.nullable(number),
  }),
  database: z.nullable(observationSchema),
  quorumProbe: z.nullable(
    z.object({ lastAckAt: z.nullable(number), lastLatencyMs: z.nullable(number), waitingMs: number }),
  ),
  fsync: z.object({ lastMs: z.nullable(number), pendingMs: number }),
  volume: z.object({ usedBytes: number, sizeBytes: number, freeBytes: number, full: z.boolean() }),
});

const engineSchema = z.enum(['mysql', 'postgres']);

export const identitySchema = z.object({
  clusterId: text,
  clusterName: text,
  groupId: text,
  instanceId: text,
  name: text,
  ordinal: z.int().check(z.minimum(1)),
  engine: engineSchema,
  version: text,
  size: z.enum(['small', 'medium', 'large']),
  zone: text,
  host: text,
  port,
  agentPort: port,
  markerUuid: text,
  systemId: text,
});

export const secretsSchema = z.object({
  adminPassword: text,
  replicationPassword: text,
  application: z.object({ user: text, password: text, database: text }),
});

export const packSchema = z.object({
  engine: engineSchema,
  version: text,
  fullVersion: text,
  origin: z.enum(['configured', 'host', 'fetched']),
  root: sentence,
  binDir: sentence,
  mysql: z.optional(z.object({ pluginDir: sentence, messagesDir: sentence, charsetsDir: sentence })),
  packages: z.array(z.object({ name: z.string(), version: z.string(), sha256: z.string() })),
});

export const agentLaunchSchema = z.object({
  identity: identitySchema,
  secrets: secretsSchema,
  pack: packSchema,
  assignment: assignmentSchema,
  controllerUrl: text,
});

/** RFC 9457; `promisedTerm` and `generation` say what the agent holds when it refuses (409). */
export const agentProblemSchema = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  promisedTerm: z.optional(count),
  generation: z.optional(count),
});
export type AgentProblem = z.infer<typeof agentProblemSchema>;
export type AssignmentReply = z.infer<typeof assignmentReplySchema>;

// Compiles only while every schema and its type are the same shape.
type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : never) : never;
export const contractShapesAgree: [
  Same<z.infer<typeof ruleSchema>, Rule>,
  Same<z.infer<typeof memberSchema>, Member>,
  Same<z.infer<typeof assignmentSchema>, Assignment>,
  Same<z.infer<typeof positionSchema>, Position>,
  Same<z.infer<typeof promiseRequestSchema>, PromiseRequest>,
  Same<z.infer<typeof promiseReplySchema>, PromiseReply>,
  Same<z.infer<typeof promiseRecordSchema>, PromiseRecord>,
  Same<z.infer<typeof observationSchema>, DatabaseObservation>,
  Same<z.infer<typeof instanceStatusSchema>, InstanceStatus>,
  Same<z.infer<typeof identitySchema>, InstanceIdentity>,
  Same<z.infer<typeof secretsSchema>, InstanceSecrets>,
  Same<z.infer<typeof packSchema>, Pack>,
  Same<z.infer<typeof agentLaunchSchema>, AgentLaunch>,
] = [true, true, true, true, true, true, true, true, true, true, true, true, true];
