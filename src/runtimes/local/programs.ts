/** Running a program to its end, as the account, and keeping what it said. */
import { spawn } from 'node:child_process';
import type { RunAs } from './layout.ts';
import { plainEnvironment } from './processes.ts';

export type ProgramResult = { code: number | null; signal: string | null; stderr: string };

export type ProgramRun = {
  account: RunAs | null;
  cwd: string;
  /** Called with each line of standard output. */
  onLine?: (line: string) => void;
  deadlineMs: number;
  /** Ends the program by SIGKILL; the result then says so. */
  signal?: AbortSignal;
};

/** Enough of what went wrong for a log; nobody needs a megabyte of it. */
const keptCharacters = 8_000;

export function runProgram(file: string, args: string[], run: ProgramRun): Promise<ProgramResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, {
      cwd: run.cwd,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: plainEnvironment(run.cwd),
      timeout: run.deadlineMs,
      killSignal: 'SIGKILL',
      signal: run.signal,
      ...(run.account === null ? {} : { uid: run.account.uid, gid: run.account.gid }),
    });
    let stderr = '';
    let line = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr = (stderr + text).slice(-keptCharacters);
    });
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      const lines = (line + text).split('\n');
      line = (lines.pop() ?? '').slice(-keptCharacters);
      for (const whole of lines) run.onLine?.(whole);
    });
    child.once('error', (error) => {
      if (error.name !== 'AbortError') reject(error);
    });
    child.once('close', (code, signal) => resolve({ code, signal, stderr: stderr.trim() }));
  });
}
