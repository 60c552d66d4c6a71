/** Runs a program to its end and returns what it said. Never throws for an exit code. */
import { spawn } from 'node:child_process';

export type Outcome = { code: number; stdout: string; stderr: string };

export function run(
  file: string,
  args: string[],
  options: { env?: Record<string, string | undefined>; signal?: AbortSignal; cwd?: string } = {},
): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, {
      cwd: options.cwd,
      env: { ...process.env, LC_ALL: 'C', ...options.env },
      signal: options.signal,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      stdout += chunk;
    });
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      stderr += chunk;
    });
    child.once('error', reject);
    child.once('close', (code, killer) => {
      resolve({ code: code ?? 1, stdout, stderr: killer === null ? stderr : `${stderr}ended by ${killer}` });
    });
  });
}
