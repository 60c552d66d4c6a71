/**
 * `moor up`: everything from an empty machine to a platform that answers, with a line for each thing
 * that takes time. The wiring itself is in platform.ts.
 */
import { spawn } from 'node:child_process';
import { closeSync, fstatSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ErrorKind, PlatformError } from '../lib/errors.ts';
import { until } from '../lib/wait.ts';
import { dataDirectoryPath, makeDataDirectory } from './host/data-directory.ts';
import { packProgressBar } from './host/progress-bar.ts';
import { startPlatform } from './platform.ts';
import { type Environment, parseUp, type Settings, upUsage } from './settings.ts';

/** What `up --json` prints when the platform answers. */
export type ReadyMessage = {
  url: string;
  dataDirectory: string;
  pid: number;
  /** The password is there as long as the first administrator has not set their own. */
  administrator: { user: string; password: string | null };
};

export async function run(args: string[], environment: Environment): Promise<number> {
  const settings = parseUp(args, environment);
  if (settings === undefined) {
    process.stdout.write(upUsage);
    return 0;
  }
  if (settings.detach) return await startDetached(settings, args, environment);
  const output = settings.json ? process.stderr : process.stdout;
  const bar = packProgressBar(output);
  const say = (text: string) => {
    bar.end();
    output.write(`  ${text}\n`);
  };
  const stopping = new AbortController();
  let keepDatabases = false;
  const onSignal = (signal: NodeJS.Signals) => {
    keepDatabases = signal === keepDatabasesSignal;
    stopping.abort(new Error(`stopped by ${signal}`));
  };
  for (const signal of ['SIGINT', 'SIGTERM', keepDatabasesSignal] as const) process.on(signal, onSignal);

  const told = { onPackProgress: bar.onProgress, say };
  const platform = await startPlatform(settings, told, stopping.signal).catch((error) => {
    if (stopping.signal.aborted) return undefined;
    throw error;
  });
  if (platform === undefined) {
    say('Stopped before the platform was up. What was fetched is kept: moor up goes on from there');
    return 1;
  }
  bar.end();
  announce(settings, platform.ready);
  if (!isLoopback(settings.host)) {
    say(`Passwords travel unencrypted to ${settings.host}: put a proxy that speaks TLS in front of it`);
  }
  await new Promise<void>((resolve) => {
    if (stopping.signal.aborted) resolve();
    else stopping.signal.addEventListener('abort', () => resolve(), { once: true });
  });
  say(keepDatabases ? 'Stopping; the databases go on serving' : 'Stopping platform and databases');
  await platform.stop({ keepDatabases });
  say('Stopped');
  return 0;
}

/** `moor down --keep-databases` ends the platform by this signal, `moor down` by SIGTERM. */
export const keepDatabasesSignal = 'SIGUSR2';

function announce(settings: Settings, ready: ReadyMessage): void {
  if (settings.json) {
    process.stdout.write(`${JSON.stringify(ready)}\n`);
    return;
  }
  const { user, password } = ready.administrator;
  const data = dataFlag(settings);
  process.stdout.write(
    [
      '',
      `  Mooring is up at  ${ready.url}`,
      password === null
        ? `  Log in as         ${user}, with the password that you have set`
        : `  Log in as         ${user}  password ${password}  (you set your own at the first log-in)`,
      `  Data directory    ${ready.dataDirectory}`,
      '',
      '  Next',
      `    ./moor create mysql orders --topology 1+2${data}    a MySQL cluster with two standbys`,
      `    ./moor list${data}                                  what runs here`,
      `    ./moor down${data}                                  stop platform and databases`,
      '',
      '',
    ].join('\n'),
  );
}

const isLoopback = (host: string) => /^(127\.|::1$|localhost$)/.test(host);

/** Commands need --data only where the default would not find this directory. */
function dataFlag(settings: Settings): string {
  return dataDirectoryPath(undefined, process.env) === settings.dataDirectory
    ? ''
    : ` --data ${settings.dataDirectory}`;
}

/** Runs the platform as a process of its own and waits until it answers or has ended. */
async function startDetached(settings: Settings, args: string[], environment: Environment): Promise<number> {
  makeDataDirectory(settings.dataDirectory);
  mkdirSync(join(settings.dataDirectory, 'logs'), { recursive: true, mode: 0o700 });
  const logFile = join(settings.dataDirectory, 'logs', 'up.log');
  // Appended, because the platform that runs there already may be writing to it.
  const out = openSync(logFile, 'a', 0o600);
  const earlierBytes = fstatSync(out).size;
  const newText = () => readFileSync(logFile).subarray(earlierBytes).toString('utf8');
  const child = spawn(
    process.execPath,
    [
      join(import.meta.dirname, 'moor.ts'),
      'up',
      ...args.filter((arg) => arg !== '--detach' && arg !== '--json'),
      '--json',
    ],
    // What it says when ready holds the first password, which no file may keep.
    { detached: true, stdio: ['ignore', 'pipe', out], env: environment },
  );
  closeSync(out);
  child.unref();
  let ended = false;
  child.once('exit', () => {
    ended = true;
  });
  let said = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  let shown = 0;
  const ready = await until(
    'the platform to answer',
    () => {
      const text = newText();
      const lines = text.slice(shown, text.lastIndexOf('\n') + 1);
      shown += lines.length;
      for (const line of lines.split('\n')) {
        if (line !== '' && !line.startsWith('{') && !settings.json) process.stdout.write(`${line}\n`);
      }
      if (said.includes('\n')) return said;
      return ended ? 'ended' : undefined;
    },
    { deadlineMs: 30 * 60_000, everyMs: 20 },
  );
  if (ready === 'ended') throw whyItEnded(newText(), logFile);
  child.stdout?.destroy();
  announce(settings, JSON.parse(ready) as ReadyMessage);
  return 0;
}

/** What the process in the background said last, as an error of this one. */
function whyItEnded(log: string, logFile: string): PlatformError {
  const said = log.split('\n').findLast((line) => line.startsWith('{"kind"'));
  if (said !== undefined) {
    const { kind, detail, hint } = JSON.parse(said) as { kind: ErrorKind; detail: string; hint?: string };
    return new PlatformError(kind, detail, { hint });
  }
  return new PlatformError('unavailable', 'The platform has ended while starting', {
    hint: `Read ${logFile}, then check the host with: moor doctor`,
  });
}
