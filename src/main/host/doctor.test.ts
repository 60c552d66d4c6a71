import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { test } from 'node:test';
import { table } from '../doctor.ts';
import { architecture, availableMb, examine, kernel, memory, openFiles, worst } from './doctor.ts';

test('memory is what the machine has left, or the container if that is less', () => {
  const meminfo = 'MemTotal: 9000000 kB\nMemAvailable:    8388608 kB\n';
  assert.equal(availableMb(meminfo, 'max\n'), 8192);
  assert.equal(availableMb(meminfo, `${2 * 1024 ** 3}\n`), 2048);
  assert.equal(availableMb(meminfo, ''), 8192);
});

test('each finding that is not ok says what to do', () => {
  for (const check of [memory(100), memory(2000), kernel('3.10.0-el7'), architecture('riscv64')]) {
    assert.notEqual(check.verdict, 'ok');
    assert.ok(check.advice, check.name);
  }
  assert.equal(memory(8000).verdict, 'ok');
  assert.equal(kernel('6.12.1-arch').verdict, 'ok');
  assert.equal(memory(100).verdict, 'problem');
});

test('a low limit of open files is a warning only when it cannot be raised', () => {
  const limits = (soft: string, hard: string) =>
    `Max open files            ${soft}                 ${hard}     files\n`;
  assert.equal(openFiles(limits('1024', '524288')).verdict, 'ok');
  assert.equal(openFiles(limits('256', '1024')).verdict, 'warning');
  assert.equal(openFiles(limits('unlimited', 'unlimited')).verdict, 'ok');
});

test('a console port that is taken is a problem with the option that helps', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const checks = await examine({ dataDirectory: `${tmpdir()}/none-here`, port });
  server.close();
  const check = checks.find(({ name }) => name === 'console port');
  assert.equal(check?.verdict, 'problem');
  assert.match(check?.advice ?? '', /--port/);
  assert.equal(worst(checks), 'problem');
});

test('the table keeps advice below its finding', () => {
  const lines = table([memory(8000), memory(100)]).split('\n');
  assert.equal(lines.length, 3);
  assert.match(lines[0] ?? '', /^ok +memory +8000 MB/);
  assert.match(lines[2] ?? '', /^ +Free memory/);
});
