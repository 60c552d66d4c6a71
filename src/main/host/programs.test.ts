import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { ensurePrograms, removeOldPrograms } from './programs.ts';

/** Two sample programs; the agent loads one of two drivers, and the node is small enough to copy often. */
function sources() {
  const path = mkdtempSync(join(tmpdir(), 'mooring-programs-'));
  const write = (name: string, text: string) => writeFileSync(join(path, name), text);
  write(
    'agent.ts',
    `const { name } = await import(process.argv[2] === 'a' ? './a.ts' : './b.ts');\nconsole.log(name);`,
  );
  write('a.ts', `export const name: string = 'driver a';`);
  write('b.ts', `export const name: string = 'driver b';`);
  write('forwarder.ts', `console.log('ready'); process.stdin.resume();`);
  write('node', '#!/bin/sh\n');
  return {
    write,
    directory: join(path, 'programs'),
    files: { agent: join(path, 'agent.ts'), forwarder: join(path, 'forwarder.ts') },
    smallNode: join(path, 'node'),
    [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }),
  };
}

test('programs run from their directory alone and load only the driver that is asked for', async () => {
  using sample = sources();
  const programs = await ensurePrograms({ directory: sample.directory, sources: sample.files });
  const ran = spawnSync(programs.node, [programs.agent, 'b'], { encoding: 'utf8', cwd: '/' });
  assert.equal(ran.stdout, 'driver b\n', ran.stderr);
  assert.equal(readdirSync(programs.directory).filter((name) => name.startsWith('chunk-')).length, 2);
  assert.equal(statSync(programs.node).mode & 0o005, 0o005, 'every account may run it');
});

test('the same content is reused, other content gets another directory', async () => {
  using sample = sources();
  const options = { directory: sample.directory, sources: sample.files, node: sample.smallNode };
  const first = await ensurePrograms(options);
  const { ino } = statSync(first.agent);
  assert.equal((await ensurePrograms(options)).directory, first.directory);
  assert.equal(statSync(first.agent).ino, ino);
  sample.write('a.ts', `export const name = 'driver a, improved';`);
  const second = await ensurePrograms(options);
  assert.notEqual(second.directory, first.directory);
  assert.equal(statSync(second.node).ino, statSync(first.node).ino, 'the same node takes no space twice');
});

test('programs that two platforms make at once end in one whole directory', async () => {
  using sample = sources();
  const options = { directory: sample.directory, sources: sample.files, node: sample.smallNode };
  const made = await Promise.all([ensurePrograms(options), ensurePrograms(options), ensurePrograms(options)]);
  assert.equal(new Set(made.map((programs) => programs.directory)).size, 1);
  assert.equal(readdirSync(sample.directory).length, 1);
});

test('old programs are removed, except those that a process runs from', async () => {
  using sample = sources();
  const options = { directory: sample.directory, sources: sample.files };
  const old = await ensurePrograms(options);
  const running = spawn(old.node, [old.forwarder], { stdio: ['pipe', 'pipe', 'inherit'] });
  await once(running.stdout, 'data');
  sample.write('a.ts', `export const name = 'newer';`);
  const current = await ensurePrograms(options);
  mkdirSync(join(sample.directory, 'unused'));
  assert.deepEqual(removeOldPrograms(sample.directory, current), ['unused']);
  assert.ok(existsSync(old.directory));
  running.stdin.end();
  await once(running, 'exit');
  assert.deepEqual(removeOldPrograms(sample.directory, current), [old.directory.split('/').at(-1)]);
  assert.ok(existsSync(current.directory));
});

test('a source that cannot be bundled is an error that says what to do', async () => {
  using sample = sources();
  sample.write('agent.ts', `import './missing.ts';`);
  const made = ensurePrograms({ directory: sample.directory, sources: sample.files });
  await assert.rejects(made, /agent's program could not be built/);
  assert.ok(!existsSync(sample.directory));
});
