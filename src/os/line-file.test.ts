import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { openLineFile } from './line-file.ts';

describe('a log file', () => {
  it('keeps lines in order, in two files of a bounded size', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'mooring-lines-'));
    try {
      const path = join(directory, 'log');
      const file = openLineFile(path, 10);
      for (const line of ['one\n', 'two\n']) file.write(line);
      await file.flush();
      assert.equal(readFileSync(path, 'utf8'), 'one\ntwo\n');
      file.write('three\n');
      await file.flush();
      assert.equal(readFileSync(path, 'utf8'), 'three\n');
      assert.equal(readFileSync(`${path}.1`, 'utf8'), 'one\ntwo\n');
      const ending = openLineFile(join(directory, 'ending'), 100);
      ending.write('last\n');
      ending.flushSync();
      await ending.flush();
      assert.equal(readFileSync(join(directory, 'ending'), 'utf8'), 'last\n');
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  it('loses lines on a full disk, and neither throws nor waits', async () => {
    const file = openLineFile('/dev/full', 1 << 20);
    for (let n = 0; n < 5000; n++) file.write(`${n}\n`);
    file.flushSync();
    await file.flush();
    assert.equal(file.write('again\n'), true);
    await file.flush();
  });
});
