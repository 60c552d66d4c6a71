/** The audit trail, newest first. */
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { Alert, Button, Table } from 'antd';
import { useTranslation } from 'react-i18next';
import type { AuditEntry } from '../../../src/api/contract/schemas.ts';
import { client, meQuery } from '../data/api.ts';
import { useFormat } from '../data/format.ts';
import type { Tone } from '../data/states.ts';
import { Loaded, Page } from '../parts/page.tsx';
import { ToneTag } from '../parts/status.tsx';

const pageRows = 100;
const outcomeTone: Record<AuditEntry['outcome'], Tone> = { allowed: 'ok', refused: 'warn', failed: 'bad' };

export function AuditPage() {
  const { t } = useTranslation();
  const administrator = useQuery(meQuery).data?.administrator === true;
  return (
    <Page title={t('audit.title')} intro={t('audit.intro')}>
      {administrator ? <Trail /> : <Alert type="info" showIcon title={t('audit.administratorsOnly')} />}
    </Page>
  );
}

function Trail() {
  const { t } = useTranslation();
  const query = useInfiniteQuery({
    queryKey: ['audit'],
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam, signal }) =>
      client.call('audit', { query: { limit: pageRows, before: pageParam }, signal }),
    getNextPageParam: (last) => (last.length < pageRows ? undefined : last.at(-1)?.id),
  });
  return (
    <Loaded query={query}>
      {({ pages }) => (
        <>
          <AuditTable entries={pages.flat()} />
          {query.hasNextPage && (
            <Button
              className="more"
              loading={query.isFetchingNextPage}
              onClick={() => void query.fetchNextPage()}
            >
              {t('common.loadMore')}
            </Button>
          )}
        </>
      )}
    </Loaded>
  );
}

function AuditTable({ entries }: { entries: AuditEntry[] }) {
  const { t } = useTranslation();
  const format = useFormat();
  return (
    <div className="card card-table">
      <Table<AuditEntry>
        rowKey="id"
        aria-label={t('audit.table')}
        dataSource={entries}
        pagination={false}
        scroll={{ x: 940 }}
        locale={{ emptyText: t('audit.empty') }}
        columns={[
          {
            title: t('audit.at'),
            key: 'at',
            render: (_, { at }) => <time className="nowrap">{format.dateTime(at)}</time>,
          },
          { title: t('audit.actor'), key: 'actor', dataIndex: 'actor' },
          {
            title: t('audit.action'),
            key: 'action',
            render: (_, { action }) => <span className="mono">{action}</span>,
          },
          { title: t('audit.object'), key: 'object', dataIndex: 'object' },
          {
            title: t('audit.outcome'),
            key: 'outcome',
            render: (_, { outcome }) => (
              <ToneTag tone={outcomeTone[outcome]}>{t(`audit.${outcome}`)}</ToneTag>
            ),
          },
          { title: t('audit.address'), key: 'address', render: (_, { address }) => address ?? '–' },
          {
            title: t('audit.details'),
            key: 'details',
            render: (_, { details }) => (
              <span className="small mono break">
                {Object.entries(details)
                  .map(
                    ([key, value]) => `${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
                  )
                  .join('  ')}
              </span>
            ),
          },
        ]}
      />
    </div>
  );
}
