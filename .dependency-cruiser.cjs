// The import rules of docs/architecture.md, checked in CI: each room may import only what its row names.
const rooms = {
  lib: [],
  domain: ['lib'],
  ha: ['domain', 'lib'],
  'wire/mysql': ['lib'],
  os: ['lib'],
  engines: ['os', 'domain', 'lib'],
  packs: ['os', 'domain', 'lib'],
  pki: ['os', 'lib'],
  runtimes: ['packs', 'pki', 'os', 'domain', 'lib'],
  agent: ['ha', 'engines', 'os', 'domain', 'lib'],
  store: ['domain', 'lib'],
  operations: ['store', 'runtimes', 'pki', 'agent/contract', 'domain', 'lib'],
  controller: ['ha', 'operations', 'store', 'runtimes', 'pki', 'agent/contract', 'domain', 'lib'],
  auth: ['store', 'domain', 'lib'],
  api: ['auth', 'operations', 'store', 'domain', 'lib'],
  proxy: ['wire', 'api/contract', 'os', 'domain', 'lib'],
  drill: ['api/contract', 'runtimes', 'domain', 'lib'],
  cli: ['api/contract', 'os', 'lib'],
};

const own = (room) => `^src/${room}/`;

module.exports = {
  forbidden: [
    ...Object.entries(rooms).map(([room, allowed]) => ({
      name: `room-${room.replace('/', '-')}`,
      comment: `src/${room} may import only: ${allowed.join(', ') || 'nothing of ours'}`,
      severity: 'error',
      from: { path: own(room), pathNot: '\\.test\\.ts$' },
      to: { path: '^(src|console|test|bench)/', pathNot: [own(room), ...allowed.map((a) => `^src/${a}/`)] },
    })),
    {
      name: 'agent-contract-is-a-leaf',
      comment: 'the contract is what others may import; it must not drag the agent in',
      severity: 'error',
      from: { path: '^src/agent/contract/', pathNot: '\\.test\\.ts$' },
      to: { path: '^src/(agent/(?!contract/)|engines/|ha/)' },
    },
    {
      name: 'api-contract-is-a-leaf',
      severity: 'error',
      from: { path: '^src/api/contract/', pathNot: '\\.test\\.ts$' },
      to: { path: '^src/(?!api/contract/|domain/|lib/)' },
    },
    {
      name: 'console-talks-through-the-contract',
      severity: 'error',
      from: { path: '^console/src/' },
      to: { path: '^src/', pathNot: '^src/api/contract/' },
    },
    {
      name: 'pure-rooms-do-no-io',
      comment: 'no file system, network, processes in lib, domain, ha, wire',
      severity: 'error',
      from: { path: '^src/(lib|domain|ha|wire)/', pathNot: '\\.test\\.ts$' },
      to: { dependencyTypes: ['core'], pathNot: '^(node:)?crypto$' },
    },
    {
      name: 'no-circles',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    parser: 'swc',
    enhancedResolveOptions: {
      extensions: ['.ts', '.tsx', '.js'],
      conditionNames: ['import', 'node', 'default'],
    },
  },
};
