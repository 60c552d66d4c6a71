import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { crc32c } from './crc32c.ts';
import { adoptIdentity, identityOf, templateMark } from './data-directory.ts';
import {
  checksumOffset,
  segmentNeedsPatch,
  systemIdentifierOf,
  walHeaderBytes,
  withSystemIdentifier,
} from './system-identifier.ts';

/** A control file as version 15 to 17 (288) or a longer one would write it. */
function controlFile(systemId: bigint, checksumAt: number): Buffer {
  const control = Buffer.alloc(8192);
  for (let index = 8; index < checksumAt; index++) control[index] = (index * 7) & 0xff;
  control.writeBigUInt64LE(systemId, 0);
  control.writeUInt32LE(crc32c(control.subarray(0, checksumAt)), checksumAt);
  return control;
}

function segmentHeader(systemId: bigint): Buffer {
  const header = Buffer.alloc(walHeaderBytes);
  header.writeUInt16LE(0xd116, 0);
  header.writeUInt16LE(0x0002, 2);
  header.writeBigUInt64LE(systemId, 24);
  return header;
}

describe('the checksum', () => {
  it('is CRC-32C as its standard defines it', () => {
    assert.equal(crc32c(Buffer.from('123456789')), 0xe3069283);
  });
});

describe('the system identifier of a control file', () => {
  for (const offset of [288, 292, 296]) {
    it(`is replaced wherever the version keeps its checksum (${offset})`, () => {
      const before = controlFile(7n, offset);
      const after = withSystemIdentifier(before, 2n ** 64n - 2n);
      assert.equal(checksumOffset(after), offset);
      assert.equal(systemIdentifierOf(after), 2n ** 64n - 2n);
      assert.deepEqual(after.subarray(8, offset), before.subarray(8, offset));
    });
  }

  it('is not read from a damaged file', () => {
    const control = controlFile(7n, 288);
    control[100] = (control[100] ?? 0) ^ 1;
    assert.throws(() => systemIdentifierOf(control), /damaged/);
    assert.throws(() => systemIdentifierOf(Buffer.alloc(8192)), /damaged/);
  });
});

describe('a WAL segment', () => {
  it('is patched when it carries the old identifier, and left alone when it has the new one or none', () => {
    assert.equal(segmentNeedsPatch(segmentHeader(7n), 7n, 8n), true);
    assert.equal(segmentNeedsPatch(segmentHeader(8n), 7n, 8n), false);
    assert.equal(segmentNeedsPatch(Buffer.alloc(walHeaderBytes), 7n, 8n), false);
  });

  it('of another group is refused', () => {
    assert.throws(() => segmentNeedsPatch(segmentHeader(9n), 7n, 8n), /another group/);
  });
});

describe('a copy of the template', () => {
  it('takes its identity again after a crash at any point, and refuses that of another', async () => {
    const data = await mkdtemp(join(tmpdir(), 'mooring-identity-'));
    try {
      const wal = join(data, 'pg_wal');
      const segments = ['000000010000000000000001', '000000010000000000000002'].map((name) =>
        join(wal, name),
      );
      await mkdir(wal);
      await mkdir(join(data, 'global'));
      await writeFile(join(data, templateMark), JSON.stringify({ systemId: '7' }));
      await writeFile(join(data, 'global', 'pg_control'), controlFile(7n, 288));
      // The first one was patched before the crash.
      await writeFile(segments[0]!, Buffer.concat([segmentHeader(8n), Buffer.alloc(100)]));
      await writeFile(segments[1]!, Buffer.concat([segmentHeader(7n), Buffer.alloc(100)]));
      await writeFile(join(wal, '00000002.history'), 'not a segment');

      assert.equal(await identityOf(data, 8n), 'template');
      await adoptIdentity(data, 8n);
      assert.equal(await identityOf(data, 8n), 'ours');
      for (const segment of segments) assert.equal((await readFile(segment)).readBigUInt64LE(24), 8n);
      await assert.rejects(identityOf(data, 9n), /another group/);
    } finally {
      await rm(data, { recursive: true });
    }
  });
});
