/** Texts of the list of clusters, and the topologies with what they promise. */

export const clusters = {
  title: 'Clusters',
  intro: 'Each cluster is one MySQL or PostgreSQL service with its standbys and two stable addresses.',
  create: 'Create cluster',
  name: 'Name',
  engine: 'Engine',
  topology: 'Topology',
  health: 'Health',
  promise: 'Promise',
  actions: 'Actions',
  showDeleted: 'Show deleted',
  search: 'Find by name',
  open: 'Open {{name}}',
  undelete: 'Undelete',
  undeleteName: 'Undelete {{name}}',
  more: 'Actions for {{name}}',
  connect: 'Connect',
  restart: 'Restart',
  delete: 'Delete',
  total_one: '{{count}} cluster',
  total_other: '{{count}} clusters',
  purgeAfter: 'Volume kept until {{time}}',
  noneMatch: 'No cluster has this name',
  emptyTitle: 'No cluster yet',
  emptyText:
    'The first one takes a few seconds: pick an engine, pick what it must survive, type a name. Or run this where the platform runs:',
  table: 'Clusters',
};

export const promise = {
  rpoZero: 'RPO 0',
  rpoVolume: 'RPO 0 while its volume is intact',
  rto: 'RTO',
  rpo: 'RPO',
  rpoZeroLong: '0: no acknowledged commit is lost',
  rpoVolumeLong: '0 as long as its one volume is intact',
  rtoSingle: 'seconds: restart in place',
  rtoReplicated: 'seconds',
  rtoShort: 'RTO seconds',
};

export const survives = {
  title: 'Data survives the loss of',
  process: 'a server process',
  host: 'a host',
  zone: 'a whole zone',
};

export const topologyName = {
  single: 'One instance',
  '1+1': 'Primary and one standby',
  '1+2': 'Primary and two standbys',
  '1+3': 'Primary and three standbys',
};

export const topologyFor = {
  single: 'For development and data you can recreate.',
  '1+1': 'The least that keeps every commit in two places.',
  '1+2': 'The usual choice for production.',
  '1+3': 'For what must never stop: every commit in three places.',
};

export const picture = {
  label: '{{topology}}: primary in zone {{zone}}{{standbys}}',
  standbyIn: ', standby in zone {{zone}}',
  zone: 'Zone {{zone}}',
  none: 'no instances',
  term: 'term {{term}}',
  quorum: 'waits for {{k}} of {{standbys}}',
  noQuorum: 'no standby to wait for',
  lag: 'lag {{lag}}',
  ack: 'last acknowledged in {{ms}}',
  waitingAck: 'waiting {{ms}} for a standby',
  writable: 'takes writes',
  notWritable: 'takes no writes',
  readWrite: 'Read-write',
  readOnly: 'Read-only',
  large: 'Live topology of {{name}}: {{members}}',
  member: '{{name}}, {{role}} in zone {{zone}}, {{state}}',
};
