/** What happened to a cluster: events in sentences, operations with their plan. */
import { useQuery } from '@tanstack/react-query';
import { Button, Collapse } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Event } from '../../../../src/api/contract/schemas.ts';
import { eventsQuery, operationsQuery } from '../../data/api.ts';
import { useFormat } from '../../data/format.ts';
import type { Tone } from '../../data/states.ts';
import { Loaded } from '../../parts/page.tsx';
import { CancelButton, OperationElapsed, PlanSteps } from '../../parts/plan.tsx';
import { OperationTag, ToneMark } from '../../parts/status.tsx';

const eventTone: Record<Exclude<Event['severity'], 'info'>, Tone> = { warning: 'warn', error: 'bad' };
const stepOfPaging = 30;

export function Events({ name }: { name: string }) {
  const { t } = useTranslation();
  const format = useFormat();
  const [limit, setLimit] = useState(stepOfPaging);
  const query = useQuery({ ...eventsQuery(name, limit), placeholderData: (before) => before });
  return (
    <Loaded query={query}>
      {(events) =>
        events.length === 0 ? (
          <p className="hint">{t('cluster.eventsNone')}</p>
        ) : (
          <>
            <ol className="events" aria-label={t('cluster.events')}>
              {events.map((event) => (
                <li key={event.id}>
                  {event.severity === 'info' ? (
                    <span className="event-dot" aria-hidden="true" />
                  ) : (
                    <ToneMark tone={eventTone[event.severity]} size={14} />
                  )}
                  <div>
                    <span className="visually-hidden">{t(`severity.${event.severity}`)}: </span>
                    {event.message}
                    <div className="small">
                      <time dateTime={event.at}>{format.dateTime(event.at)}</time>
                      {event.instance !== null && ` · ${event.instance}`}
                    </div>
                  </div>
                </li>
              ))}
            </ol>
            {events.length >= limit && limit < 480 && (
              <Button size="small" onClick={() => setLimit(limit + stepOfPaging)}>
                {t('common.loadMore')}
              </Button>
            )}
          </>
        )
      }
    </Loaded>
  );
}

export function Operations({ name }: { name: string }) {
  const { t } = useTranslation();
  const format = useFormat();
  const query = useQuery(operationsQuery(name));
  return (
    <Loaded query={query}>
      {(operations) =>
        operations.length === 0 ? (
          <p className="hint">{t('cluster.operationsNone')}</p>
        ) : (
          <Collapse
            ghost
            className="operation-list"
            items={operations.map((operation) => ({
              key: operation.id,
              label: (
                <span className="operation-line">
                  <strong>{t(`kind.${operation.kind}`)}</strong>
                  <OperationTag state={operation.state} />
                  <span className="small">
                    {format.dateTime(operation.createdAt)} · {operation.actor} ·{' '}
                    <OperationElapsed operation={operation} />
                  </span>
                </span>
              ),
              children: (
                <>
                  <PlanSteps operation={operation} />
                  {operation.error !== null && <p className="bad-text">{operation.error.message}</p>}
                  <CancelButton operation={operation} />
                </>
              ),
            }))}
          />
        )
      }
    </Loaded>
  );
}
