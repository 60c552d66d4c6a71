/** The engine catalogue: which databases Mooring runs, in which versions. */

export type EngineKind = 'mysql' | 'postgres';

export type EngineVersion = {
  version: string;
  /** What the user is told about this version, in three words. */
  label: string;
};

export type EngineOffer = {
  kind: EngineKind;
  label: string;
  versions: EngineVersion[];
  defaultVersion: string;
  /** The port that the engine's users know; shown, never relied upon. */
  wellKnownPort: number;
};

export const engineOffers = {
  mysql: {
    kind: 'mysql',
    label: 'MySQL',
    versions: [{ version: '9.7', label: 'long-term support' }],
    defaultVersion: '9.7',
    wellKnownPort: 3306,
  },
  postgres: {
    kind: 'postgres',
    label: 'PostgreSQL',
    versions: [
      { version: '17', label: 'recommended' },
      { version: '18', label: 'newest' },
      { version: '15', label: 'older' },
    ],
    defaultVersion: '17',
    wellKnownPort: 5432,
  },
} as const satisfies Record<EngineKind, EngineOffer>;

export const engineKinds = Object.keys(engineOffers) as EngineKind[];
