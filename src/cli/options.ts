/** Options and words that several commands share. */
import { type Command, InvalidArgumentError } from 'commander';

export type Waiting = { wait: boolean; timeout: number };

export function addWaiting(command: Command, seconds = 600): Command {
  return command
    .option('--no-wait', 'return at once; the operation goes on')
    .option('--timeout <seconds>', 'how long to wait for the end', positiveNumber, seconds);
}

export function positiveNumber(text: string): number {
  const value = Number(text);
  if (!Number.isFinite(value) || value <= 0) throw new InvalidArgumentError('It must be a positive number.');
  return value;
}

export function wholeNumber(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0) throw new InvalidArgumentError('It must be a whole number.');
  return value;
}

/** What people also call the engines. */
export const engineNames: Record<string, string> = { postgresql: 'postgres', pg: 'postgres' };
