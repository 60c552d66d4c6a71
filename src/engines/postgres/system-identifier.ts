/**
 * Gives a copied template its own system identifier.
 *
 * Every group starts from copies of one template. If they kept its identifier, a standby of one group
 * could stream from the primary of another and nobody would notice. PostgreSQL has no supported way to
 * change it without resetting the log, so we patch the two places where it is kept: the control file
 * (first field, protected by a checksum) and the long header of each WAL segment's first page
 * (no checksum). These functions only transform bytes; prepare.ts reads and writes the files.
 */
import { PlatformError } from '../../lib/errors.ts';
import { crc32cFinish, crc32cStart, crc32cUpdate } from './crc32c.ts';

/** The checksum's place differs between versions (288 in 15 to 17, later in 18); all are in here. */
const controlBytes = 512;

/**
 * Offset of the control file's checksum, found by verifying it: the one place at which the checksum of
 * everything before stands, followed by nothing but zeros. It is the same check that the server makes,
 * so a damaged file is refused here as well.
 */
export function checksumOffset(control: Buffer): number {
  let state = crc32cStart;
  for (let offset = 0; offset + 4 <= controlBytes && offset + 4 <= control.length; offset += 4) {
    const stands = control.readUInt32LE(offset) === crc32cFinish(state);
    if (offset >= 64 && stands && isZero(control.subarray(offset + 4))) return offset;
    state = crc32cUpdate(state, control.subarray(offset, offset + 4));
  }
  throw new PlatformError(
    'refused',
    'The control file of this data directory is damaged or of an unknown kind',
    {
      hint: 'Restore the volume, or rebuild this instance from another member',
    },
  );
}

function isZero(bytes: Buffer): boolean {
  return bytes.every((byte) => byte === 0);
}

/** The identifier in a control file whose checksum is right. */
export function systemIdentifierOf(control: Buffer): bigint {
  checksumOffset(control);
  return control.readBigUInt64LE(0);
}

export function withSystemIdentifier(control: Buffer, systemId: bigint): Buffer {
  const offset = checksumOffset(control);
  const patched = Buffer.from(control);
  patched.writeBigUInt64LE(systemId, 0);
  patched.writeUInt32LE(crc32cFinish(crc32cUpdate(crc32cStart, patched.subarray(0, offset))), offset);
  return patched;
}

/** Where the identifier stands in the first page of a segment (XLogLongPageHeaderData). */
export const walIdentifierOffset = 24;
export const walHeaderBytes = 40;

const longHeaderFlag = 0x0002;

/**
 * What to do with a WAL segment, given the first `walHeaderBytes` of it: true when it carries the old
 * identifier. A segment that was allocated but never written has no header, and one that already
 * carries the new identifier was patched before a crash; both are left alone.
 */
export function segmentNeedsPatch(header: Buffer, from: bigint, to: bigint): boolean {
  if (header.length < walHeaderBytes || header.readUInt16LE(0) === 0) return false;
  if ((header.readUInt16LE(2) & longHeaderFlag) === 0) {
    throw new PlatformError('refused', 'A WAL segment of this data directory has no valid header');
  }
  const found = header.readBigUInt64LE(walIdentifierOffset);
  if (found === to) return false;
  if (found === from) return true;
  throw new PlatformError('refused', 'A WAL segment of this data directory belongs to another group', {
    context: { found: String(found), expected: String(from) },
  });
}
