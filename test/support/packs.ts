/** The engine packs that `./moor test` has made ready; tests never fetch. */
import type { EngineKind } from '../../src/domain/engines.ts';
import type { Pack } from '../../src/domain/packs.ts';
import { readPack } from '../../src/packs/packs.ts';

export function testPack(engine: EngineKind, version?: string): Pack {
  const directory = process.env.MOORING_PACKS;
  const name = `${engine}-${version ?? { mysql: '9.7', postgres: '17' }[engine]}`;
  const pack = directory === undefined ? undefined : readPack(`${directory}/${name}`, 'configured');
  if (pack === undefined) {
    throw new Error(`no pack ${name} in ${directory ?? 'MOORING_PACKS, which is not set'}; run ./moor test`);
  }
  return pack;
}
