/** CRC-32C (Castagnoli, RFC 3720), with which PostgreSQL protects pg_control. */

const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0x82f63b78 : value >>> 1;
  return value >>> 0;
});

/** State of a running checksum; start with `crc32cStart`, end with `crc32cFinish`. */
export const crc32cStart = 0xffffffff;

export function crc32cUpdate(state: number, bytes: Uint8Array): number {
  let crc = state;
  for (const byte of bytes) crc = (table[(crc ^ byte) & 0xff] ?? 0) ^ (crc >>> 8);
  return crc >>> 0;
}

export function crc32cFinish(state: number): number {
  return (state ^ 0xffffffff) >>> 0;
}

export function crc32c(bytes: Uint8Array): number {
  return crc32cFinish(crc32cUpdate(crc32cStart, bytes));
}
