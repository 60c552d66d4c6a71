/** Addresses that name nothing, and errors of the console itself. */
import { Link } from '@tanstack/react-router';
import { Button } from 'antd';
import { useTranslation } from 'react-i18next';
import { Empty } from '../parts/page.tsx';

export function NotFoundPage({ title, text }: { title?: string; text?: string }) {
  const { t } = useTranslation();
  return (
    <div className="page">
      <Empty title={title ?? t('common.notFoundTitle')}>
        <p>{text ?? t('common.notFoundText')}</p>
        <Link to="/clusters" className="text-link">
          {t('common.toClusters')}
        </Link>
      </Empty>
    </div>
  );
}

export function CrashPage({ error }: { error: unknown }) {
  const { t } = useTranslation();
  return (
    <div className="page">
      <Empty title={t('common.crashTitle')}>
        <p>{t('common.crashText')}</p>
        <p className="small mono">{error instanceof Error ? error.message : String(error)}</p>
        <Button onClick={() => window.location.reload()}>{t('common.reload')}</Button>
      </Empty>
    </div>
  );
}
