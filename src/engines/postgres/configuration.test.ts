import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Assignment } from '../../domain/assignment.ts';
import { sizeOffers } from '../../domain/sizes.ts';
import { silentLog } from '../../lib/log.ts';
import type { InstanceContext } from '../engine.ts';
import {
  parseSettingsFile,
  passfileLine,
  primaryConninfo,
  serverSettings,
  settingsFile,
} from './configuration.ts';
import { hbaFile, isOpenHba } from './hba.ts';
import { divergence, laterLsn, lsnOf, parseTimelineHistory } from './lsn.ts';
import { slotName, synchronousStandbyNames } from './names.ts';
import { dynamicSettings } from './prepare.ts';
import { scramVerifier, verifies } from './scram.ts';

const home = '/data/instances/one';
const members = [1, 2, 3].map((ordinal) => ({
  instanceId: `id${ordinal}`,
  name: `orders-${ordinal}`,
  host: `127.20.${ordinal}.1`,
  port: 21000,
  zone: 'a',
}));
const rule = { term: 1, leader: 'id1', cohort: ['id1', 'id2', 'id3'], ackers: ['id2', 'id3'], k: 1 };
const assignment = (ordinal: number): Assignment => ({
  instanceId: `id${ordinal}`,
  generation: 1,
  term: 1,
  role: ordinal === 1 ? 'leader' : 'standby',
  run: 'running',
  rule,
  members,
  ack: 'memory',
  restartCount: 0,
});
const context = (ordinal: number, size: keyof typeof sizeOffers = 'small'): InstanceContext => ({
  identity: {
    clusterId: 'c',
    clusterName: 'orders',
    groupId: 'g',
    instanceId: `id${ordinal}`,
    name: `orders-${ordinal}`,
    ordinal,
    engine: 'postgres',
    version: '17',
    size,
    zone: 'a',
    host: `127.20.${ordinal}.1`,
    port: 21000,
    agentPort: 0,
    markerUuid: '',
    systemId: '7',
  },
  secrets: {
    adminPassword: '',
    replicationPassword: 'secret',
    application: { user: 'orders', password: '', database: 'orders' },
  },
  size: sizeOffers[size],
  files: {
    home,
    volume: `${home}/volume`,
    data: `${home}/volume/data`,
    run: `${home}/run`,
    log: `${home}/log`,
    tls: { ca: `${home}/tls/ca.crt`, cert: `${home}/tls/server.crt`, key: `${home}/tls/server.key` },
  },
  pack: {
    engine: 'postgres',
    version: '17',
    fullVersion: '17.0',
    origin: 'host',
    root: '',
    binDir: '',
    packages: [],
  },
  log: silentLog,
});

describe('the configuration', () => {
  it('never weakens what makes a commit durable', () => {
    const settings = serverSettings(context(1));
    for (const name of ['fsync', 'full_page_writes', 'wal_sync_method'])
      assert.equal(settings[name], undefined);
    assert.equal(settings.synchronous_commit, 'on');
    assert.equal(settings.restart_after_crash, 'off');
  });

  it('grows with the size', () => {
    assert.equal(serverSettings(context(1)).shared_buffers, '128MB');
    assert.equal(serverSettings(context(1, 'large')).shared_buffers, '2048MB');
    assert.equal(serverSettings(context(1)).max_connections, '106');
  });

  it('keeps the socket path short by making it relative to the data directory', () => {
    assert.equal(serverSettings(context(1)).unix_socket_directories, '../../run');
  });

  it('is read back as it was written, whatever the values contain', () => {
    const settings = { primary_conninfo: `host='a' x='it\\'s \\\\ here'`, restore_command: '' };
    assert.deepEqual(parseSettingsFile(settingsFile(settings)), settings);
  });

  it('keeps the replication password out of the settings', () => {
    assert.doesNotMatch(primaryConninfo(context(2), members[0]!), /secret/);
    assert.equal(passfileLine('u', 'a:b\\c'), '*:*:*:u:a\\:b\\\\c\n');
  });
});

describe('the settings before a start', () => {
  it('have the rule in force before a leader can commit', () => {
    const settings = dynamicSettings(context(1), assignment(1), undefined);
    assert.equal(settings.synchronous_standby_names, 'ANY 1 ("orders-2", "orders-3")');
    assert.equal(settings.default_transaction_read_only, 'on');
    assert.equal(settings.primary_conninfo, '');
  });

  it('let a new standby follow at once', () => {
    const settings = dynamicSettings(context(2), assignment(2), undefined);
    assert.equal(settings.primary_conninfo, primaryConninfo(context(2), members[0]!));
    assert.equal(settings.primary_slot_name, 'mooring_orders_2');
    assert.equal(settings.synchronous_standby_names, 'ANY 1 ("orders-1", "orders-3")');
  });

  it('keep a fence, and the source that was in force, but take no other source', () => {
    const follows = dynamicSettings(context(2), assignment(2), undefined);
    assert.equal(
      dynamicSettings(context(2), assignment(2), follows).primary_conninfo,
      follows.primary_conninfo,
    );
    for (const primary_conninfo of ['', `host='127.20.3.1'`]) {
      assert.equal(dynamicSettings(context(2), assignment(2), { primary_conninfo }).primary_conninfo, '');
    }
  });
});

describe('the rule in words of PostgreSQL', () => {
  it('is empty for k = 0 and refuses ackers that are no members', () => {
    assert.equal(synchronousStandbyNames({ ...rule, k: 0 }, members), '');
    assert.throws(() => synchronousStandbyNames({ ...rule, ackers: ['id9'] }, members), /not a member/);
  });

  it('names slots in the characters that slots may have', () => {
    assert.equal(slotName('orders-eu-12'), 'mooring_orders_eu_12');
  });
});

describe('the gate', () => {
  it('closed lets in nobody but the agent and replication', () => {
    const lines = hbaFile({ open: false })
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'));
    assert.equal(lines.length, 2);
    assert.match(lines[0]!, /^local .* peer/);
    assert.match(lines[1]!, /^hostssl replication .* scram-sha-256$/);
  });

  it('open lets in the application by password, whatever its name is', () => {
    const text = hbaFile({ open: true, applicationUser: 'all' });
    assert.match(text, /^host +all +"all" +all +scram-sha-256$/m);
    assert.doesNotMatch(text, /trust/);
    assert.equal(isOpenHba(text), true);
    assert.equal(isOpenHba(hbaFile({ open: false })), false);
  });
});

describe('positions', () => {
  it('compare as numbers, not as text', () => {
    assert.equal(lsnOf('1/0') > lsnOf('0/FFFFFFFF'), true);
    assert.equal(laterLsn('0/9', '0/10'), '0/10');
    assert.equal(laterLsn(null, '0/10'), '0/10');
  });

  const history = parseTimelineHistory('1\t0/3000000\tno recovery target specified\n\n2\t0/5000000\tx\n');
  const cases: { why: string; own: [number, string]; source: [number, string]; diverges: boolean }[] = [
    { why: 'behind on the same timeline', own: [1, '0/1'], source: [1, '0/2'], diverges: false },
    { why: 'equal', own: [1, '0/2'], source: [1, '0/2'], diverges: false },
    { why: 'ahead on the same timeline', own: [1, '0/3'], source: [1, '0/2'], diverges: true },
    { why: 'on a newer timeline', own: [2, '0/1'], source: [1, '0/2'], diverges: true },
    {
      why: 'on an ancestor, before it was left',
      own: [1, '0/3000000'],
      source: [3, '0/6000000'],
      diverges: false,
    },
    {
      why: 'on an ancestor, after it was left',
      own: [2, '0/5000001'],
      source: [3, '0/6000000'],
      diverges: true,
    },
    { why: 'on a timeline that is no ancestor', own: [4, '0/1'], source: [5, '0/6000000'], diverges: true },
  ];
  for (const { why, own, source, diverges } of cases) {
    it(`${why}: ${diverges ? 'would diverge' : 'may follow'}`, () => {
      const problem = divergence(
        { timeline: own[0], lsn: own[1] },
        { timeline: source[0], lsn: source[1] },
        history,
      );
      assert.equal(problem !== undefined, diverges);
    });
  }
});

describe('a password verifier', () => {
  it('has the form and values of RFC 7677', async () => {
    const salt = Buffer.from('W22ZaJ0SNY7soEsUEjb6gQ==', 'base64');
    assert.equal(
      await scramVerifier('pencil', salt),
      'SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=',
    );
  });

  it('tells whether a password is the same', async () => {
    const verifier = await scramVerifier('pencil');
    assert.equal(await verifies(verifier, 'pencil'), true);
    assert.equal(await verifies(verifier, 'pen'), false);
    assert.equal(await verifies(null, 'pencil'), false);
  });
});
