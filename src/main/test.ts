/**
 * `moor test`: everything that has to be green, in the order in which it fails fastest: static
 * checks, unit tests, tests with real engines, tests of the whole platform.
 *
 *   moor test [--checks] [--unit] [--engines] [--platform] [PATTERN]
 *
 * A pattern is a part of a file's path. The output ends with the totals over all tiers.
 */
import { spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { engineKinds, engineOffers } from '../domain/engines.ts';
import { messageOf, PlatformError } from '../lib/errors.ts';
import { ensurePack } from '../packs/packs.ts';
import { ensureAccount, requireTraversable } from './host/account.ts';
import { packProgressBar } from './host/progress-bar.ts';
import type { Environment } from './moor.ts';
import { chromium, ensureProgram, sysbench, type Wanted } from './testing/programs.ts';
import { add, formatTotals, noTests, parseTotals, type Totals } from './testing/summary.ts';
import { findTiers, type Tier, type TierName } from './testing/tiers.ts';

const checkout = join(import.meta.dirname, '../..');
const say = (line: string) => process.stdout.write(`moor test: ${line}\n`);

export async function run(argv: string[], environment: Environment): Promise<number> {
  const { parts, pattern } = parse(argv);
  const tiers = findTiers(checkout, availableParallelism(), pattern).filter(
    (tier) => parts.has(tier.name) && tier.files.length > 0,
  );
  let env: Environment = {
    ...environment,
    PATH: [dirname(process.execPath), environment.PATH ?? ''].join(delimiter),
    // A test must find no platform of the person who runs it.
    MOORING_DATA: undefined,
    // Not inherited when `moor test` is itself run by a test.
    NODE_TEST_CONTEXT: undefined,
  };
  let totals = noTests;
  const startedMs = performance.now();
  if (parts.has('checks')) totals = add(totals, await runChecks(env));
  if (tiers.some((tier) => tier.name !== 'unit')) env = { ...env, MOORING_PACKS: await ensureTestPacks(env) };
  for (const program of [chromium, sysbench]) {
    if (tiers.some((tier) => tier.files.some((path) => needs(path) === program))) {
      env = { ...env, [program.variable]: pathOf(program, env) };
    }
  }
  for (const tier of tiers) totals = add(totals, await runTier(tier, env));
  if (pattern !== undefined && tiers.length === 0) say(`no test file matches "${pattern}"`);
  process.stdout.write(
    `\n# duration_ms ${Math.round(performance.now() - startedMs)}\n${formatTotals(totals)}\n`,
  );
  return totals.fail + totals.cancelled === 0 && (totals.tests > 0 || pattern === undefined) ? 0 : 1;
}

type Part = TierName | 'checks';

function parse(argv: string[]): { parts: Set<Part>; pattern?: string } {
  try {
    const flag = { type: 'boolean' } as const;
    const { values, positionals } = parseArgs({
      args: argv,
      options: { checks: flag, unit: flag, engines: flag, platform: flag },
      allowPositionals: true,
    });
    const all: Part[] = ['checks', 'unit', 'engines', 'platform'];
    const chosen = all.filter((part) => values[part]);
    const [pattern, ...rest] = positionals;
    if (rest.length > 0) throw new Error('Give one pattern at most.');
    const fallback = pattern === undefined ? all : all.filter((part) => part !== 'checks');
    return { parts: new Set(chosen.length > 0 ? chosen : fallback), pattern };
  } catch (error) {
    throw new PlatformError('invalid', messageOf(error), {
      hint: 'Usage: moor test [--checks] [--unit] [--engines] [--platform] [PATTERN]',
      cause: error,
    });
  }
}

/** Each check counts as one test, so that the totals say everything. */
async function runChecks(env: Environment): Promise<Totals> {
  const checks: { name: string; program: string; args: string[] }[] = [
    { name: 'format and lint', program: 'biome', args: ['check', '.'] },
    { name: 'types', program: 'tsc', args: ['--noEmit'] },
    ...(existsSync(join(checkout, 'console/tsconfig.json'))
      ? [{ name: 'types of the console', program: 'tsc', args: ['--noEmit', '-p', 'console'] }]
      : []),
    {
      name: 'import rules',
      program: 'depcruise',
      args: ['src', 'console/src', '--config', '.dependency-cruiser.cjs'],
    },
  ];
  let totals = noTests;
  for (const { name, program, args } of checks) {
    const { code } = await runProgram(join(checkout, 'node_modules/.bin', program), args, env);
    say(`${name}: ${code === 0 ? 'passed' : 'FAILED'}`);
    totals = add(totals, { ...noTests, tests: 1, pass: code === 0 ? 1 : 0, fail: code === 0 ? 0 : 1 });
  }
  return totals;
}

async function runTier(tier: Tier, env: Environment): Promise<Totals> {
  say(`${tier.title}, ${tier.files.length} files`);
  const flags = [
    '--test',
    '--test-reporter=spec',
    `--test-concurrency=${tier.concurrency}`,
    `--test-timeout=${tier.timeoutMs}`,
  ];
  const { code, output } = await runProgram(process.execPath, [...flags, ...tier.files], env);
  const totals = parseTotals(output);
  if (totals === undefined) {
    say(`${tier.title}: the test runner ended without a summary (exit code ${code})`);
    return { ...noTests, tests: 1, fail: 1 };
  }
  // Exit code and totals disagree when a file fails outside any test.
  return code !== 0 && totals.fail + totals.cancelled === 0
    ? add(totals, { ...noTests, tests: 1, fail: 1 })
    : totals;
}

/** Packs live in the checkout, or where the servers' account can reach them if it cannot go there. */
async function ensureTestPacks(env: Environment): Promise<string> {
  const account = ensureAccount(env.MOORING_RUN_AS);
  const configured = env.MOORING_PACKS || undefined;
  const directory = packsDirectory(account);
  const bar = packProgressBar(process.stdout);
  const packs = await Promise.all(
    engineKinds.map((engine) =>
      ensurePack({
        engine,
        version: engineOffers[engine].defaultVersion,
        directory,
        configured,
        // The same binaries everywhere, whatever the host has.
        hostBinaries: false,
        mirror: env.MOORING_DEBIAN_MIRROR || undefined,
        onProgress: bar.onProgress,
      }),
    ),
  );
  bar.end();
  const roots = new Set(packs.map((pack) => dirname(pack.root)));
  const [root = directory] = roots;
  if (roots.size === 1) return root;
  throw new PlatformError('refused', `MOORING_PACKS (${configured}) holds only some of the packs.`, {
    hint: 'Put MySQL 9.7 and PostgreSQL 17 there, or unset it.',
  });
}

function packsDirectory(account: ReturnType<typeof ensureAccount>): string {
  const own = join(checkout, '.moor/packs');
  mkdirSync(own, { recursive: true, mode: 0o755 });
  try {
    requireTraversable(own, account);
    return own;
  } catch {
    const shared = '/var/cache/mooring-test/packs';
    mkdirSync(shared, { recursive: true, mode: 0o755 });
    chmodSync(shared, 0o755);
    say(`the account ${account?.name} cannot enter ${checkout}; packs are kept in ${shared}`);
    return shared;
  }
}

/** Which of the programs a test file cannot do without. */
function needs(path: string): Wanted | undefined {
  if (path.startsWith('test/console/')) return chromium;
  return path === 'test/data-set.test.ts' ? sysbench : undefined;
}

/** Empty tells the tests to skip themselves. */
function pathOf(program: Wanted, env: Environment): string {
  const found = ensureProgram(program, env, say);
  if ('path' in found) return found.path;
  say(`${program.purpose}: skipped, because ${found.missing}`);
  return '';
}

function runProgram(
  file: string,
  args: string[],
  env: Environment,
): Promise<{ code: number; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { cwd: checkout, env, stdio: ['ignore', 'pipe', 'inherit'] });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      process.stdout.write(text);
      // Only the end is read again, for the totals.
      output = (output + text).slice(-100_000);
    });
    const passOn = (signal: NodeJS.Signals) => child.kill(signal);
    process.once('SIGINT', passOn).once('SIGTERM', passOn);
    child.once('error', reject);
    child.once('close', (code) => {
      process.off('SIGINT', passOn).off('SIGTERM', passOn);
      resolve({ code: code ?? 1, output });
    });
  });
}
