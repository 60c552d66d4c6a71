/** Providers, and the gate: who is not logged in sees the log-in form at any address. */
import { QueryClientProvider, useQuery } from '@tanstack/react-query';
import { RouterProvider } from '@tanstack/react-router';
import { App as AntApp, ConfigProvider } from 'antd';
import enUS from 'antd/locale/en_US';
import zhCN from 'antd/locale/zh_CN';
import { useTranslation } from 'react-i18next';
import { meQuery, queryClient } from './data/api.ts';
import { useMode } from './data/preferences.ts';
import { LoginPage } from './pages/login.tsx';
import { Brand } from './parts/brand.tsx';
import { router } from './router.tsx';
import { antTheme } from './theme/tokens.ts';

export function Root() {
  const { i18n } = useTranslation();
  const mode = useMode();
  return (
    <QueryClientProvider client={queryClient}>
      <ConfigProvider
        theme={antTheme(mode)}
        locale={i18n.language === 'zh' ? zhCN : enUS}
        button={{ autoInsertSpace: false }}
      >
        <AntApp>
          <Gate />
        </AntApp>
      </ConfigProvider>
    </QueryClientProvider>
  );
}

function Gate() {
  const { t } = useTranslation();
  const me = useQuery(meQuery);
  if (me.data === undefined) {
    return (
      <div className="splash" role="status">
        <Brand />
        {me.failureCount > 0 && <p>{t('live.awayHint')}</p>}
      </div>
    );
  }
  if (me.data === null || me.data.mustChangePassword) return <LoginPage me={me.data} />;
  return <RouterProvider router={router} />;
}
