/** An operation's plan: the steps with their state, how far it is and for how long it has been running. */
import { App, Button, Progress } from 'antd';
import { useTranslation } from 'react-i18next';
import type { OperationSummary } from '../../../src/api/contract/schemas.ts';
import { client, noticeExpiry, queryClient } from '../data/api.ts';
import { useFormat, useNow } from '../data/format.ts';
import { isActive, stepsDone, type Tone } from '../data/states.ts';
import { OperationTag, ToneMark } from './status.tsx';

type Step = OperationSummary['plan'][number];

const stepTone: Record<Step['state'], Tone> = {
  pending: 'idle',
  running: 'busy',
  done: 'ok',
  failed: 'bad',
  undone: 'warn',
};

export function useStepTitle(): (step: Step) => string {
  const { t, i18n } = useTranslation();
  return (step) => {
    // "restart orders-2": the verb is translated, the object kept.
    const [name = '', object] = step.name.split(' ', 2);
    const key = `step.${name}`;
    if (i18n.language === 'en' || !i18n.exists(key)) return step.title;
    const title = t(key as 'step.place');
    return object === undefined ? title : `${title} ${object}`;
  };
}

export function OperationProgress({ operation }: { operation: OperationSummary }) {
  const { t } = useTranslation();
  const done = stepsDone(operation);
  const count = operation.plan.length;
  const text = t('operation.progress', { done, count });
  return (
    <div className="progress-cell">
      <Progress
        percent={count === 0 ? 0 : Math.round((100 * done) / count)}
        size="small"
        showInfo={false}
        strokeColor={operation.state === 'failed' ? 'var(--bad)' : 'var(--accent)'}
        railColor="var(--idle-soft)"
        aria-label={`${t(`kind.${operation.kind}`)}: ${text}`}
      />
      <span className="small nowrap">{text}</span>
    </div>
  );
}

export function PlanSteps({ operation }: { operation: OperationSummary }) {
  const { t } = useTranslation();
  const format = useFormat();
  const now = useNow(200, isActive(operation));
  const title = useStepTitle();
  return (
    <ol className="plan" aria-label={t('operation.steps')}>
      {operation.plan.map((step) => (
        <li key={step.name} className={`step step-${step.state}`}>
          <ToneMark tone={stepTone[step.state]} />
          <span className="step-title">
            {title(step)}
            <span className="visually-hidden">, {t(`stepState.${step.state}`)}</span>
          </span>
          <span className="step-time small">
            {step.startedAt !== null &&
              format.duration(
                (step.finishedAt === null ? now : new Date(step.finishedAt).getTime()) -
                  new Date(step.startedAt).getTime(),
              )}
          </span>
        </li>
      ))}
    </ol>
  );
}

export function OperationElapsed({ operation }: { operation: OperationSummary }) {
  const format = useFormat();
  const now = useNow(500, isActive(operation));
  const start = operation.startedAt ?? operation.createdAt;
  const end = operation.finishedAt === null ? now : new Date(operation.finishedAt).getTime();
  return <>{format.duration(end - new Date(start).getTime())}</>;
}

export function CancelButton({ operation }: { operation: OperationSummary }) {
  const { t } = useTranslation();
  const { modal, message } = App.useApp();
  if (!isActive(operation) || operation.state === 'cancelling') return null;
  const ask = () =>
    void modal.confirm({
      title: t('operation.cancelTitle'),
      content: t('operation.cancelText'),
      okText: t('operation.cancelDo'),
      okButtonProps: { danger: true },
      cancelText: t('operation.keepGoing'),
      onOk: async () => {
        try {
          await client.call('cancelOperation', { params: { id: operation.id } });
        } catch (error) {
          noticeExpiry(error);
          void message.error(error instanceof Error ? error.message : String(error));
        }
        void queryClient.invalidateQueries();
      },
    });
  return (
    <Button size="small" onClick={ask}>
      {t('operation.cancel')}
    </Button>
  );
}

/** The card on top of a cluster page while something is under way, or after it failed. */
export function OperationCard({ operation }: { operation: OperationSummary }) {
  const { t } = useTranslation();
  const active = isActive(operation);
  const kind = t(`kind.${operation.kind}`);
  return (
    <section className="card operation" aria-label={t('operation.underWay', { kind })} aria-live="polite">
      <div className="operation-head">
        <h2>{active ? t('operation.underWay', { kind }) : t('operation.lastFailed', { kind })}</h2>
        <OperationTag state={operation.state} />
        <span className="small">
          <OperationElapsedText operation={operation} />
        </span>
        <span className="grow" />
        <CancelButton operation={operation} />
      </div>
      <OperationProgress operation={operation} />
      <PlanSteps operation={operation} />
      {operation.waitingFor !== null && active && (
        <p className="waiting">{t('operation.waitingFor', { what: operation.waitingFor })}</p>
      )}
      {operation.error !== null && (
        <p className="waiting bad-text">
          {operation.error.message} {operation.error.hint}
        </p>
      )}
    </section>
  );
}

function OperationElapsedText({ operation }: { operation: OperationSummary }) {
  const { t } = useTranslation();
  const format = useFormat();
  const now = useNow(500, isActive(operation));
  const end = operation.finishedAt === null ? now : new Date(operation.finishedAt).getTime();
  const time = format.duration(end - new Date(operation.startedAt ?? operation.createdAt).getTime());
  return <>{t('operation.elapsed', { time })}</>;
}
