/** One cluster: how it is and why, what is being done to it, where it runs, how to connect. */
import { useQuery } from '@tanstack/react-query';
import { Link, useParams, useRouterState } from '@tanstack/react-router';
import { useEffect } from 'react';
import { useTranslation } from 'react-i18next';
import { PlatformError } from '../../../../src/api/contract/client.ts';
import type { Cluster, OperationSummary } from '../../../../src/api/contract/schemas.ts';
import { clusterQuery, operationsQuery } from '../../data/api.ts';
import { useFormat } from '../../data/format.ts';
import { isActive } from '../../data/states.ts';
import { Loaded, Page, Section } from '../../parts/page.tsx';
import { OperationCard } from '../../parts/plan.tsx';
import { ClusterTag } from '../../parts/status.tsx';
import { EngineMark } from '../create/engine-mark.tsx';
import { NotFoundPage } from '../not-found.tsx';
import { DangerZone } from './danger.tsx';
import { Endpoints } from './endpoints.tsx';
import { Events, Operations } from './history.tsx';
import { Members } from './members.tsx';
import { TopologyPicture } from './topology-picture.tsx';
import { Undelete } from './undelete.tsx';

/** Lag and positions change all the time and are not announced; the open page asks for them. */
const refreshMs = 2_000;

export function ClusterPage() {
  const { t } = useTranslation();
  const { name } = useParams({ from: '/clusters/$name' });
  const query = useQuery({ ...clusterQuery(name), refetchInterval: refreshMs });
  if (query.error instanceof PlatformError && query.error.kind === 'not_found') {
    return <NotFoundPage title={t('cluster.noSuch', { name })} text={t('cluster.noSuchText')} />;
  }
  return query.data === undefined ? (
    <Page title={name}>
      <Loaded query={query} rows={10}>
        {() => null}
      </Loaded>
    </Page>
  ) : (
    <ClusterView cluster={query.data} />
  );
}

function ClusterView({ cluster }: { cluster: Cluster }) {
  const { t } = useTranslation();
  const operation = useShownOperation(cluster);
  useScrollToHash();
  return (
    <Page
      title={cluster.name}
      aside={<ClusterTag state={cluster.state} />}
      before={
        <Link to="/clusters" className="back">
          ← {t('clusters.title')}
        </Link>
      }
    >
      <Explain cluster={cluster} />
      <Facts cluster={cluster} />
      {operation !== undefined && <OperationCard operation={operation} />}
      {cluster.state === 'deleted' && <Undelete cluster={cluster} />}
      {cluster.instances.length > 0 && cluster.state !== 'deleted' && (
        <>
          <Section title={t('cluster.picture')} id="topology">
            <TopologyPicture cluster={cluster} />
          </Section>
          <Section title={t('cluster.members')} id="members" plain>
            <Members cluster={cluster} />
          </Section>
        </>
      )}
      {cluster.state !== 'deleted' && cluster.state !== 'deleting' && (
        <Section title={t('cluster.endpoints')} id="endpoints" hint={t('cluster.endpointsHint')}>
          <Endpoints cluster={cluster} />
        </Section>
      )}
      <div className="two-columns">
        <Section title={t('cluster.events')} id="events">
          <Events name={cluster.name} />
        </Section>
        <Section title={t('cluster.operations')} id="operations">
          <Operations name={cluster.name} />
        </Section>
      </div>
      {cluster.state !== 'deleted' && (
        <Section title={t('cluster.danger')} id="danger" tone="danger">
          <DangerZone cluster={cluster} />
        </Section>
      )}
    </Page>
  );
}

/** The running operation; or the newest one, when it failed and the cluster still suffers from it. */
function useShownOperation(cluster: Cluster): OperationSummary | undefined {
  const newest = useQuery(operationsQuery(cluster.name)).data?.[0];
  if (isActive(cluster.operation)) return cluster.operation;
  if (newest?.state === 'failed' && cluster.state !== 'ready') return newest;
  return undefined;
}

function Explain({ cluster }: { cluster: Cluster }) {
  const { t } = useTranslation();
  const [first, ...rest] = cluster.explain;
  return (
    <div className="explain" aria-live="polite">
      <p className="explain-first" lang="en">
        {first}
      </p>
      {rest.length > 0 && (
        <ul aria-label={t('cluster.moreExplain')} lang="en">
          {rest.map((sentence) => (
            <li key={sentence}>{sentence}</li>
          ))}
        </ul>
      )}
    </div>
  );
}

function Facts({ cluster }: { cluster: Cluster }) {
  const { t } = useTranslation();
  const format = useFormat();
  const replicated = cluster.topology !== 'single';
  return (
    <dl className="facts" aria-label={t('cluster.facts')}>
      <div>
        <dt>{t('cluster.engine')}</dt>
        <dd className="fact-engine">
          <EngineMark engine={cluster.engine} />
          {t(`engine.${cluster.engine}`)} {cluster.version}
        </dd>
      </div>
      <div>
        <dt>{t('cluster.topology')}</dt>
        <dd>
          {cluster.topology} · {t(`size.${cluster.size}`)}
        </dd>
      </div>
      <div>
        <dt>{t('clusters.promise')}</dt>
        <dd>{replicated ? t('promise.rpoZero') : t('promise.rpoVolume')}</dd>
      </div>
      {cluster.rule !== null && (
        <div>
          <dt>{t('cluster.ruleTitle')}</dt>
          <dd>
            {t('cluster.ruleText', {
              term: cluster.rule.term,
              leader: cluster.rule.leader,
              k: cluster.rule.k,
            })}
            {replicated && (
              <span className="small"> · {t('cluster.ackOn', { ack: t(`ack.${cluster.ack}`) })}</span>
            )}
          </dd>
        </div>
      )}
      <div>
        <dt>{t('cluster.team')}</dt>
        <dd>{cluster.team}</dd>
      </div>
      <div>
        <dt>{t('cluster.created')}</dt>
        <dd>
          {format.dateTime(cluster.createdAt)}
          {cluster.secondsToReady !== null && (
            <span className="small">
              {' '}
              · {t('cluster.readyAfter', { seconds: format.number(cluster.secondsToReady, 1) })}
            </span>
          )}
        </dd>
      </div>
    </dl>
  );
}

/** "Connect" and "Delete" in the table of clusters lead to a section of this page. */
function useScrollToHash(): void {
  const hash = useRouterState({ select: (state) => state.location.hash });
  useEffect(() => {
    if (hash !== '') document.getElementById(hash)?.scrollIntoView({ block: 'start' });
  }, [hash]);
}
