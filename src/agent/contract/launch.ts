/**
 * How an agent's process is started, so that runtimes need not know more than this file:
 * `node ...agentNodeFlags agent.mjs run --home DIR`, detached, cwd = DIR.
 */

/**
 * Flags that keep an agent small. Measured with a MySQL server, 20 s after its start: 93 MB resident
 * without them, 71 MB with them. An agent computes little, so an optimising compiler and helper threads
 * for the collector are memory without a use.
 */
export const agentNodeFlags: readonly string[] = [
  '--max-old-space-size=48',
  '--max-semi-space-size=1',
  '--optimize-for-size',
  '--no-opt',
  '--single-threaded-gc',
  '--v8-pool-size=1',
  '--no-warnings',
];

/** What an agent process says by its exit code. */
export const agentExitCodes = {
  /** Ended by SIGTERM (the database server goes on) or by SIGINT (it was stopped first). */
  done: 0,
  /** A bug: the supervisor of agents starts it again. */
  crashed: 1,
  /** Arguments make no sense. */
  usage: 2,
  /** agent.json or the certificates are missing or unreadable; starting again does not help. */
  unusable: 3,
  /** Another agent runs on this home; not an error for somebody who wants one to run. */
  alreadyRuns: 4,
} as const;
