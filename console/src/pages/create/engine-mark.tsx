/** Plain letter marks for engines: recognisable without anybody's trademark. */
import type { Cluster } from '../../../../src/api/contract/schemas.ts';

const letters: Record<Cluster['engine'], string> = { mysql: 'My', postgres: 'Pg' };

export function EngineMark({ engine }: { engine: Cluster['engine'] }) {
  return (
    <span className={`engine-mark engine-${engine}`} aria-hidden="true">
      {letters[engine]}
    </span>
  );
}
