/** Zones with their hosts, what sits on them, what is free, and which limits hold. */
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { Table } from 'antd';
import { useTranslation } from 'react-i18next';
import type { Infrastructure } from '../../../src/api/contract/schemas.ts';
import { infrastructureQuery } from '../data/api.ts';
import { useFormat } from '../data/format.ts';
import { Loaded, Page, Section } from '../parts/page.tsx';
import { ToneTag } from '../parts/status.tsx';

type Host = Infrastructure['hosts'][number];

export function InfrastructurePage() {
  const { t } = useTranslation();
  const query = useQuery({ ...infrastructureQuery, refetchInterval: 15_000 });
  return (
    <Page title={t('infrastructure.title')} intro={t('infrastructure.intro')}>
      <Loaded query={query}>
        {({ hosts, enforcement }) => (
          <>
            <div className="zones">
              {[...new Set(hosts.map((host) => host.zone))].sort().map((zone) => (
                <Zone key={zone} zone={zone} hosts={hosts.filter((host) => host.zone === zone)} />
              ))}
            </div>
            <Section
              title={t('infrastructure.limits')}
              hint={t('infrastructure.limitsHint')}
              id="limits"
              plain
            >
              <Limits enforcement={enforcement} />
            </Section>
          </>
        )}
      </Loaded>
    </Page>
  );
}

function Zone({ zone, hosts }: { zone: string; hosts: Host[] }) {
  const { t } = useTranslation();
  return (
    <section className="zone" aria-label={t('infrastructure.zone', { zone })}>
      <header>
        <h2>{t('infrastructure.zone', { zone })}</h2>
        <span className="small">
          {t('infrastructure.region', { region: hosts[0]?.region ?? '' })} ·{' '}
          {t('infrastructure.hosts', { count: hosts.length })}
        </span>
      </header>
      {hosts.map((host) => (
        <HostCard key={host.id} host={host} />
      ))}
    </section>
  );
}

function HostCard({ host }: { host: Host }) {
  const { t } = useTranslation();
  const format = useFormat();
  return (
    <article className="host" aria-label={host.id}>
      <div className="host-head">
        <h3>{host.id}</h3>
        <span className="small mono">{host.address}</span>
      </div>
      <dl className="host-facts">
        <div>
          <dt>{t('infrastructure.memoryFree')}</dt>
          <dd>{format.mebibytes(host.memoryFreeMb)}</dd>
        </div>
        <div>
          <dt>{t('infrastructure.diskFree')}</dt>
          <dd>{format.gibibytes(host.diskFreeGb)}</dd>
        </div>
      </dl>
      {host.instances.length === 0 ? (
        <p className="small">{t('infrastructure.noInstances')}</p>
      ) : (
        <ul className="chips" aria-label={t('infrastructure.instances')}>
          {host.instances.map((instance) => (
            <li key={instance.name}>
              <Link
                to="/clusters/$name"
                params={{ name: instance.cluster }}
                className={`chip chip-${instance.role}`}
                title={
                  instance.role === 'primary'
                    ? t('infrastructure.primaryOf', { cluster: instance.cluster })
                    : t('infrastructure.standbyOf', { cluster: instance.cluster })
                }
              >
                <svg width="12" height="12" viewBox="0 0 12 12" aria-hidden="true">
                  {instance.role === 'primary' ? (
                    <circle cx="6" cy="6" r="5.5" fill="currentColor" />
                  ) : (
                    <circle cx="6" cy="6" r="4.5" fill="none" stroke="currentColor" strokeWidth="2" />
                  )}
                </svg>
                {instance.name}
                <span className="visually-hidden">, {t(`role.${instance.role}`)}</span>
              </Link>
            </li>
          ))}
        </ul>
      )}
    </article>
  );
}

function Limits({ enforcement }: { enforcement: Infrastructure['enforcement'] }) {
  const { t, i18n } = useTranslation();
  return (
    <div className="card card-table">
      <Table
        rowKey="resource"
        aria-label={t('infrastructure.limits')}
        dataSource={enforcement}
        pagination={false}
        scroll={{ x: 560 }}
        columns={[
          {
            title: t('infrastructure.resource'),
            key: 'resource',
            width: 160,
            render: (_, { resource }) => {
              const key = `resource.${resource}`;
              return <strong>{i18n.exists(key) ? t(key as 'resource.memory') : resource}</strong>;
            },
          },
          {
            title: t('cluster.state'),
            key: 'enforced',
            width: 170,
            render: (_, { enforced }) => (
              <ToneTag tone={enforced ? 'ok' : 'warn'}>
                {enforced ? t('infrastructure.enforced') : t('infrastructure.notEnforced')}
              </ToneTag>
            ),
          },
          { title: t('infrastructure.how'), key: 'how', dataIndex: 'how' },
        ]}
      />
    </div>
  );
}
