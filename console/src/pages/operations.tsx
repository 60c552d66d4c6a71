/** All operations, newest first, each with its plan. */
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { Button, Segmented, Table } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { OperationSummary } from '../../../src/api/contract/schemas.ts';
import { operationsQuery } from '../data/api.ts';
import { useFormat } from '../data/format.ts';
import { isActive } from '../data/states.ts';
import { Empty, Loaded, Page } from '../parts/page.tsx';
import { CancelButton, OperationElapsed, OperationProgress, PlanSteps } from '../parts/plan.tsx';
import { OperationTag } from '../parts/status.tsx';

const firstRows = 100;
const mostRows = 500;

const filters = ['all', 'active', 'failed'] as const;
type Filter = (typeof filters)[number];

const passes: Record<Filter, (operation: OperationSummary) => boolean> = {
  all: () => true,
  active: isActive,
  failed: (operation) => operation.state === 'failed',
};

export function OperationsPage() {
  const { t } = useTranslation();
  const [filter, setFilter] = useState<Filter>('all');
  const [limit, setLimit] = useState(firstRows);
  const query = useQuery({ ...operationsQuery(undefined, limit), placeholderData: (before) => before });
  return (
    <Page title={t('operations.title')} intro={t('operations.intro')}>
      <Loaded query={query}>
        {(operations) =>
          operations.length === 0 ? (
            <div className="card">
              <Empty title={t('operations.emptyTitle')}>
                <p>{t('operations.emptyText')}</p>
              </Empty>
            </div>
          ) : (
            <>
              <div className="toolbar">
                <Segmented<Filter>
                  aria-label={t('operations.state')}
                  value={filter}
                  onChange={setFilter}
                  options={filters.map((value) => ({ value, label: t(`operations.${value}`) }))}
                />
              </div>
              <OperationTable operations={operations.filter(passes[filter])} />
              {operations.length >= limit && limit < mostRows && (
                <Button className="more" onClick={() => setLimit(mostRows)}>
                  {t('common.loadMore')}
                </Button>
              )}
            </>
          )
        }
      </Loaded>
    </Page>
  );
}

function OperationTable({ operations }: { operations: OperationSummary[] }) {
  const { t } = useTranslation();
  const format = useFormat();
  return (
    <div className="card card-table">
      <Table<OperationSummary>
        rowKey="id"
        aria-label={t('operations.table')}
        dataSource={operations}
        scroll={{ x: 880 }}
        pagination={operations.length > 25 ? { pageSize: 25 } : false}
        locale={{ emptyText: t('operations.emptyFiltered') }}
        expandable={{
          expandedRowRender: (operation) => (
            <div className="plan-row">
              <PlanSteps operation={operation} />
              {operation.waitingFor !== null && (
                <p className="waiting">{t('operation.waitingFor', { what: operation.waitingFor })}</p>
              )}
              {operation.error !== null && (
                <p className="bad-text">
                  {operation.error.message} {operation.error.hint}
                </p>
              )}
              <CancelButton operation={operation} />
            </div>
          ),
          expandIcon: ({ expanded, onExpand, record }) => (
            <button
              type="button"
              className={expanded ? 'expand open' : 'expand'}
              aria-expanded={expanded}
              aria-label={expanded ? t('operations.hidePlan') : t('operations.showPlan')}
              onClick={(event) => onExpand(record, event)}
            >
              <svg width="12" height="12" viewBox="0 0 12 12" aria-hidden="true">
                <path d="M4 2l4 4-4 4" />
              </svg>
            </button>
          ),
        }}
        columns={[
          {
            title: t('operations.what'),
            key: 'kind',
            render: (_, operation) => <strong>{t(`kind.${operation.kind}`)}</strong>,
          },
          {
            title: t('operations.cluster'),
            key: 'cluster',
            render: (_, { cluster }) => (
              <Link to="/clusters/$name" params={{ name: cluster }} className="text-link">
                {cluster}
              </Link>
            ),
          },
          {
            title: t('operations.state'),
            key: 'state',
            render: (_, operation) => <OperationTag state={operation.state} />,
          },
          {
            title: t('operations.progress'),
            key: 'progress',
            width: 230,
            render: (_, operation) => <OperationProgress operation={operation} />,
          },
          { title: t('operations.actor'), key: 'actor', dataIndex: 'actor' },
          {
            title: t('operations.started'),
            key: 'started',
            render: (_, { createdAt }) => <span className="nowrap">{format.dateTime(createdAt)}</span>,
          },
          {
            title: t('operations.took'),
            key: 'took',
            align: 'right',
            render: (_, operation) => (
              <span className="nowrap">
                <OperationElapsed operation={operation} />
              </span>
            ),
          },
        ]}
      />
    </div>
  );
}
