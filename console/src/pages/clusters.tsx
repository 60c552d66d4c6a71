/** The clusters: one line each that says what it is, how it is, and what it promises. */
import { EllipsisOutlined, PlusOutlined, SearchOutlined } from '@ant-design/icons';
import { keepPreviousData, useMutation, useQuery } from '@tanstack/react-query';
import { Link, useNavigate } from '@tanstack/react-router';
import { App, Button, Dropdown, Input, Switch, Table } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Cluster } from '../../../src/api/contract/schemas.ts';
import { client, clustersQuery, queryClient } from '../data/api.ts';
import { useFormat } from '../data/format.ts';
import { useNarrow } from '../data/preferences.ts';
import { isActive, may } from '../data/states.ts';
import { CodeBlock } from '../parts/copy.tsx';
import { Empty, Loaded, Page } from '../parts/page.tsx';
import { OperationProgress } from '../parts/plan.tsx';
import { ClusterTag } from '../parts/status.tsx';
import { clusterMembers, TopologyGlyph } from '../parts/topology-glyph.tsx';

const exampleCommand = './moor create mysql orders --topology 1+2';

export function ClustersPage() {
  const { t } = useTranslation();
  const [deleted, setDeleted] = useState(false);
  const [search, setSearch] = useState('');
  const query = useQuery({ ...clustersQuery(deleted), placeholderData: keepPreviousData });
  return (
    <Page
      title={t('clusters.title')}
      intro={t('clusters.intro')}
      actions={
        <Link to="/clusters/new" className="button-link">
          <PlusOutlined aria-hidden="true" /> {t('clusters.create')}
        </Link>
      }
    >
      <Loaded query={query}>
        {(all) => (
          <>
            <div className="toolbar">
              <Input
                className="toolbar-search"
                prefix={<SearchOutlined aria-hidden="true" />}
                allowClear
                placeholder={t('clusters.search')}
                aria-label={t('clusters.search')}
                onChange={(event) => setSearch(event.target.value.trim().toLowerCase())}
              />
              <span className="small">{t('clusters.total', { count: all.length })}</span>
              <span className="grow" />
              <span className="switch-label">
                <Switch
                  size="small"
                  checked={deleted}
                  onChange={setDeleted}
                  aria-label={t('clusters.showDeleted')}
                />
                <span aria-hidden="true">{t('clusters.showDeleted')}</span>
              </span>
            </div>
            {all.length === 0 ? (
              <FirstCluster />
            ) : (
              <Clusters
                clusters={all.filter((cluster) => cluster.name.includes(search))}
                empty={t('clusters.noneMatch')}
              />
            )}
          </>
        )}
      </Loaded>
    </Page>
  );
}

function FirstCluster() {
  const { t } = useTranslation();
  return (
    <div className="card">
      <Empty title={t('clusters.emptyTitle')}>
        <p>{t('clusters.emptyText')}</p>
        <CodeBlock text={exampleCommand} what={exampleCommand} />
        <Link to="/clusters/new" className="button-link">
          <PlusOutlined aria-hidden="true" /> {t('clusters.create')}
        </Link>
      </Empty>
    </div>
  );
}

function Clusters(props: { clusters: Cluster[]; empty: string }) {
  const narrow = useNarrow();
  return narrow ? <ClusterList {...props} /> : <ClusterTable {...props} />;
}

/** On a phone: what matters of each cluster, one below the other. */
function ClusterList({ clusters, empty }: { clusters: Cluster[]; empty: string }) {
  const { t } = useTranslation();
  if (clusters.length === 0) return <p className="hint">{empty}</p>;
  return (
    <ul className="cluster-list" aria-label={t('clusters.table')}>
      {clusters.map((cluster) => (
        <li key={cluster.id} className="card">
          <div className="cluster-list-head">
            <div>
              <Link to="/clusters/$name" params={{ name: cluster.name }} className="row-name">
                {cluster.name}
              </Link>
              <div className="small">
                {t(`engine.${cluster.engine}`)} {cluster.version} · {cluster.topology}
              </div>
            </div>
            <TopologyGlyph topology={cluster.topology} members={clusterMembers(cluster)} height={36} />
          </div>
          <HealthCell cluster={cluster} />
        </li>
      ))}
    </ul>
  );
}

function ClusterTable({ clusters, empty }: { clusters: Cluster[]; empty: string }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  return (
    <div className="card card-table">
      <Table<Cluster>
        rowKey="id"
        aria-label={t('clusters.table')}
        dataSource={clusters}
        pagination={clusters.length > 25 ? { pageSize: 25 } : false}
        scroll={{ x: 940 }}
        locale={{ emptyText: empty }}
        rowClassName="row-link"
        onRow={(cluster) => ({
          onClick: (event) => {
            // The link in the row is for keyboards and screen readers; the row is only a larger target.
            if ((event.target as HTMLElement).closest('a, button, [role="menuitem"]') !== null) return;
            void navigate({ to: '/clusters/$name', params: { name: cluster.name } });
          },
        })}
        columns={[
          {
            title: t('clusters.name'),
            key: 'name',
            width: 190,
            render: (_, cluster) => (
              <>
                <Link to="/clusters/$name" params={{ name: cluster.name }} className="row-name">
                  {cluster.name}
                </Link>
                <div className="small">
                  {t(`engine.${cluster.engine}`)} {cluster.version} · {t(`size.${cluster.size}`)}
                </div>
              </>
            ),
          },
          {
            title: t('clusters.topology'),
            key: 'topology',
            width: 190,
            render: (_, cluster) => (
              <span className="glyph-cell">
                <TopologyGlyph topology={cluster.topology} members={clusterMembers(cluster)} />
                <span className="small nowrap">{cluster.topology}</span>
              </span>
            ),
          },
          {
            title: t('clusters.health'),
            key: 'health',
            render: (_, cluster) => <HealthCell cluster={cluster} />,
          },
          {
            title: t('clusters.promise'),
            key: 'promise',
            width: 140,
            render: (_, cluster) => (
              <>
                <div>{cluster.topology === 'single' ? t('promise.rpoVolume') : t('promise.rpoZero')}</div>
                <div className="small">{t('promise.rtoShort')}</div>
              </>
            ),
          },
          {
            title: <span className="visually-hidden">{t('clusters.actions')}</span>,
            key: 'actions',
            width: 110,
            align: 'right',
            render: (_, cluster) => <RowActions cluster={cluster} />,
          },
        ]}
      />
    </div>
  );
}

function HealthCell({ cluster }: { cluster: Cluster }) {
  const { t } = useTranslation();
  const format = useFormat();
  return (
    <div className="health">
      <ClusterTag state={cluster.state} />
      <span className="health-text" lang="en">
        {cluster.explain[0]}
      </span>
      {isActive(cluster.operation) && <OperationProgress operation={cluster.operation} />}
      {cluster.purgeAfter !== null && (
        <span className="small">
          {t('clusters.purgeAfter', { time: format.dateTime(cluster.purgeAfter) })}
        </span>
      )}
    </div>
  );
}

function RowActions({ cluster }: { cluster: Cluster }) {
  const { t } = useTranslation();
  const { message } = App.useApp();
  const navigate = useNavigate();
  const undelete = useMutation({
    mutationFn: () => client.call('undeleteCluster', { params: { name: cluster.name } }),
    onSuccess: () => {
      void queryClient.invalidateQueries({ queryKey: ['clusters'] });
      void navigate({ to: '/clusters/$name', params: { name: cluster.name } });
    },
    onError: (error) => void message.error(error.message),
  });
  if (may(cluster, 'undelete')) {
    return (
      <Button
        size="small"
        aria-label={t('clusters.undeleteName', { name: cluster.name })}
        loading={undelete.isPending}
        onClick={() => undelete.mutate()}
      >
        {t('clusters.undelete')}
      </Button>
    );
  }
  const go = (hash: string) => void navigate({ to: '/clusters/$name', params: { name: cluster.name }, hash });
  return (
    <Dropdown
      trigger={['click']}
      placement="bottomRight"
      menu={{
        items: [
          {
            key: 'connect',
            label: t('clusters.connect'),
            disabled: cluster.endpoints === null,
            onClick: () => go('endpoints'),
          },
          {
            key: 'restart',
            label: t('clusters.restart'),
            disabled: !may(cluster, 'restart'),
            onClick: () => go('danger'),
          },
          { type: 'divider' },
          {
            key: 'delete',
            label: t('clusters.delete'),
            danger: true,
            disabled: !may(cluster, 'delete'),
            onClick: () => go('danger'),
          },
        ],
      }}
    >
      <Button
        type="text"
        icon={<EllipsisOutlined />}
        aria-label={t('clusters.more', { name: cluster.name })}
      />
    </Dropdown>
  );
}
