/** The members in words and numbers: what the picture shows, and more. */
import { Button, Table } from 'antd';
import { useTranslation } from 'react-i18next';
import type { Cluster, Instance } from '../../../../src/api/contract/schemas.ts';
import { useFormat } from '../../data/format.ts';
import { may } from '../../data/states.ts';
import { InstanceTag } from '../../parts/status.tsx';
import { useRestart } from './danger.tsx';

export function Members({ cluster }: { cluster: Cluster }) {
  const { t } = useTranslation();
  const format = useFormat();
  const restart = useRestart(cluster);
  return (
    <div className="card card-table">
      <Table<Instance>
        rowKey="id"
        aria-label={t('cluster.members')}
        dataSource={cluster.instances}
        pagination={false}
        scroll={{ x: 1000 }}
        columns={[
          {
            title: t('cluster.member'),
            key: 'name',
            render: (_, member) => (
              <>
                <strong className="nowrap">{member.name}</strong>
                <div className="small nowrap">
                  {t(`role.${member.role}`)} · {t('picture.zone', { zone: member.zone })}
                </div>
              </>
            ),
          },
          {
            title: t('cluster.state'),
            key: 'state',
            width: 270,
            render: (_, member) => (
              <>
                <InstanceTag instance={member} />
                <div className="small">{member.why}</div>
              </>
            ),
          },
          {
            title: t('cluster.address'),
            key: 'address',
            render: (_, member) => (
              <>
                <span className="mono nowrap">
                  {member.host}:{member.port}
                </span>
                <div className="small">{member.hostId}</div>
              </>
            ),
          },
          {
            title: t('cluster.lag'),
            key: 'lag',
            align: 'right',
            render: (_, member) => (member.lagMs === null ? '–' : format.milliseconds(member.lagMs)),
          },
          {
            title: t('cluster.connections'),
            key: 'connections',
            align: 'right',
            render: (_, member) => member.connections ?? '–',
          },
          {
            title: t('cluster.memory'),
            key: 'memory',
            align: 'right',
            render: (_, member) => (
              <span className="nowrap">
                {member.residentBytes === null ? '–' : format.bytes(member.residentBytes)}
              </span>
            ),
          },
          {
            title: t('cluster.disk'),
            key: 'disk',
            align: 'right',
            render: (_, member) => <Disk member={member} />,
          },
          {
            title: t('cluster.restarts'),
            key: 'restarts',
            align: 'right',
            render: (_, member) => (
              <>
                {member.unplannedRestarts}
                {member.lastExit !== null && (
                  <div className="small">{t('cluster.lastExit', { exit: member.lastExit })}</div>
                )}
              </>
            ),
          },
          {
            title: <span className="visually-hidden">{t('clusters.actions')}</span>,
            key: 'actions',
            align: 'right',
            render: (_, member) => (
              <Button
                size="small"
                type="text"
                disabled={!may(cluster, 'restart')}
                aria-label={t('cluster.restartInstanceName', { name: member.name })}
                onClick={() => restart(member)}
              >
                {t('cluster.restartInstance')}
              </Button>
            ),
          },
        ]}
      />
    </div>
  );
}

function Disk({ member }: { member: Instance }) {
  const { t } = useTranslation();
  const format = useFormat();
  if (member.diskUsedBytes === null || member.diskSizeBytes === null) return '–';
  const share = member.diskSizeBytes === 0 ? 0 : member.diskUsedBytes / member.diskSizeBytes;
  return (
    <div className="meter-cell">
      <span className="nowrap">
        {t('cluster.diskOf', {
          used: format.bytes(member.diskUsedBytes),
          size: format.bytes(member.diskSizeBytes),
        })}
      </span>
      <meter min={0} max={1} low={0.8} high={0.9} optimum={0} value={share} aria-label={t('cluster.disk')} />
    </div>
  );
}
