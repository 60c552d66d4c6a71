/** The frame of a page: title, one sentence, actions; and what shows while there is nothing to show. */
import { Alert, Button, Skeleton } from 'antd';
import { useEffect } from 'react';
import { useTranslation } from 'react-i18next';
import { PlatformError } from '../../../src/api/contract/client.ts';

type PageProps = {
  title: string;
  intro?: React.ReactNode;
  before?: React.ReactNode;
  aside?: React.ReactNode;
  actions?: React.ReactNode;
  narrow?: boolean;
  children: React.ReactNode;
};

export function Page({ title, intro, before, aside, actions, narrow, children }: PageProps) {
  useEffect(() => {
    document.title = `${title} · Mooring`;
  }, [title]);
  return (
    <div className={narrow ? 'page page-narrow' : 'page'}>
      {before}
      <header className="page-head">
        <div>
          <div className="page-title">
            <h1>{title}</h1>
            {aside}
          </div>
          {intro !== undefined && <p className="intro">{intro}</p>}
        </div>
        {actions !== undefined && <div className="page-actions">{actions}</div>}
      </header>
      {children}
    </div>
  );
}

type SectionProps = {
  title: string;
  hint?: React.ReactNode;
  extra?: React.ReactNode;
  id?: string;
  plain?: boolean;
  tone?: 'danger';
  children: React.ReactNode;
};

export function Section({ title, hint, extra, id, plain, tone, children }: SectionProps) {
  const headingId = `${id ?? title.replaceAll(/\s+/g, '-')}-heading`;
  return (
    <section className={`section ${tone ?? ''}`} id={id} aria-labelledby={headingId}>
      <div className="section-head">
        <h2 id={headingId}>{title}</h2>
        {hint !== undefined && <p className="hint">{hint}</p>}
        {extra !== undefined && <div className="section-extra">{extra}</div>}
      </div>
      {plain ? children : <div className="card">{children}</div>}
    </section>
  );
}

/** `known`: the title says it all, so that the server's own words would only repeat it. */
type ProblemProps = { error: unknown; title?: string; known?: boolean };

/** What happened and what to do next, as the server says it. */
export function Problem({ error, title, known }: ProblemProps) {
  const { t } = useTranslation();
  if (error === null || error === undefined) return null;
  const message = error instanceof PlatformError ? error.publicMessage : String(error);
  const hint = error instanceof PlatformError ? error.hint : undefined;
  return (
    <Alert
      type="error"
      showIcon
      className="problem"
      title={title ?? t('common.problem')}
      description={
        <>
          {!known && <span>{message}</span>}
          {hint !== undefined && <span className="problem-hint">{hint}</span>}
        </>
      }
    />
  );
}

type LoadedProps<T> = {
  query: { data: T | undefined; error: unknown; refetch: () => unknown };
  rows?: number;
  children: (data: T) => React.ReactNode;
};

/** Shows the last data whatever happens; an error only when there was never any. */
export function Loaded<T>({ query, rows = 5, children }: LoadedProps<T>) {
  const { t } = useTranslation();
  if (query.data !== undefined) return children(query.data);
  if (query.error !== null && query.error !== undefined) {
    return (
      <div className="stack">
        <Problem error={query.error} title={t('common.loadFailed')} />
        <div>
          <Button onClick={() => query.refetch()}>{t('common.retry')}</Button>
        </div>
      </div>
    );
  }
  return <Skeleton active title={false} paragraph={{ rows }} className="loading" />;
}

export function Empty({ title, children }: { title: string; children?: React.ReactNode }) {
  return (
    <div className="empty">
      <svg width="120" height="56" viewBox="0 0 120 56" aria-hidden="true">
        <path d="M22 14 Q60 62 98 14" className="empty-rope" />
        <circle cx="22" cy="14" r="9" className="empty-primary" />
        <circle cx="98" cy="14" r="7.4" className="empty-standby" />
      </svg>
      <h2>{title}</h2>
      {children}
    </div>
  );
}
