/** What every command gets: the client, its output, and a way to ask. */
import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { text as readAll } from 'node:stream/consumers';
import type { Command } from 'commander';
import { type Client, createClient } from '../api/contract/client.ts';
import { PlatformError } from '../lib/errors.ts';
import type { CliEnvironment } from './environment.ts';
import { Interrupted } from './failures.ts';
import { createOutput, type Output } from './output.ts';
import { findSession, type SessionOptions } from './session.ts';

export type GlobalOptions = SessionOptions & { json?: boolean };

export type Context = {
  environment: CliEnvironment;
  output: Output;
  options: GlobalOptions;
  client(): Promise<Client>;
  /** Asks on the terminal; refuses with `instead` when there is none. */
  ask(question: string, instead: string, hidden?: boolean): Promise<string>;
  /** Everything on standard input, for passwords. */
  standardInput(): Promise<string>;
};

/** The context of one command's run; `command` is what commander hands to the action. */
export function contextOf(command: Command, environment: CliEnvironment): Context {
  const options = command.optsWithGlobals<GlobalOptions>();
  return {
    environment,
    options,
    output: createOutput(environment, options.json === true),
    async client() {
      const session = await findSession(options, environment);
      return createClient({ baseUrl: session.url, token: () => session.token });
    },
    standardInput: () => readAll(environment.stdin),
    async ask(question, instead, hidden = false) {
      const { stdin, stderr } = environment;
      if (!stdin.isTTY || !stderr.isTTY) {
        throw new PlatformError('invalid', 'There is no terminal to ask on', { hint: instead });
      }
      // readline draws its prompt again with each key, so it must know the last line of the question.
      const prompt = question.slice(question.lastIndexOf('\n') + 1);
      stderr.write(question.slice(0, question.length - prompt.length));
      let silent = false;
      const echo = new Writable({
        write(chunk, _encoding, done) {
          if (!silent) stderr.write(chunk);
          done();
        },
      });
      const terminal = createInterface({ input: stdin, output: echo, terminal: true });
      try {
        return await new Promise<string>((resolve, reject) => {
          terminal.question(prompt).then(resolve, reject);
          silent = hidden;
          // Ctrl-C and Ctrl-D; without this the question would never be settled.
          terminal.once('SIGINT', () => terminal.close());
          terminal.once('close', () => reject(new Interrupted('Nothing was changed')));
        });
      } finally {
        terminal.close();
        if (hidden) stderr.write('\n');
      }
    },
  };
}
