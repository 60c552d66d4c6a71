/** The frame of every page: brand, navigation, live mark, preferences, account; and the "away" banner. */
import { MenuOutlined } from '@ant-design/icons';
import { useQuery } from '@tanstack/react-query';
import { Link, Outlet, useRouterState } from '@tanstack/react-router';
import { Alert, Button, Drawer, Dropdown, Tooltip } from 'antd';
import { Suspense, useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { becomeUser, client, meQuery } from '../data/api.ts';
import { useFormat } from '../data/format.ts';
import { startLive, useLiveState } from '../data/live.ts';
import { Brand } from './brand.tsx';
import { LanguageMenu, ThemeMenu } from './preference-menus.tsx';

export function Shell() {
  const { t } = useTranslation();
  useEffect(() => startLive(), []);
  return (
    <>
      <a className="skip" href="#content">
        {t('nav.skip')}
      </a>
      <header className="top">
        <div className="top-inner">
          <Link to="/" className="brand-link" aria-label="Mooring">
            <Brand />
          </Link>
          <nav className="top-nav" aria-label={t('nav.label')}>
            <NavLinks />
          </nav>
          <span className="grow" />
          <LiveMark />
          <span className="top-tools">
            <LanguageMenu />
            <ThemeMenu />
          </span>
          <AccountMenu />
          <PhoneMenu />
        </div>
      </header>
      <AwayBanner />
      <main id="content" tabIndex={-1}>
        <Suspense fallback={null}>
          <Outlet />
        </Suspense>
      </main>
    </>
  );
}

function NavLinks({ onNavigate }: { onNavigate?: () => void }) {
  const { t } = useTranslation();
  const me = useQuery(meQuery).data;
  const path = useRouterState({ select: (state) => state.location.pathname });
  const links = [
    { to: '/clusters', text: t('nav.clusters'), here: path.startsWith('/clusters') },
    { to: '/operations', text: t('nav.operations'), here: path.startsWith('/operations') },
    { to: '/infrastructure', text: t('nav.infrastructure'), here: path.startsWith('/infrastructure') },
    ...(me?.administrator ? [{ to: '/audit', text: t('nav.audit'), here: path.startsWith('/audit') }] : []),
    { to: '/settings', text: t('nav.settings'), here: path.startsWith('/settings') },
  ];
  return links.map((link) => (
    <Link
      key={link.to}
      to={link.to}
      className={link.here ? 'nav-link here' : 'nav-link'}
      aria-current={link.here ? 'page' : undefined}
      onClick={onNavigate}
    >
      {link.text}
    </Link>
  ));
}

function PhoneMenu() {
  const { t } = useTranslation();
  const [open, setOpen] = useState(false);
  return (
    <>
      <Button
        type="text"
        className="phone-only"
        icon={<MenuOutlined />}
        aria-label={t('nav.menu')}
        onClick={() => setOpen(true)}
      />
      <Drawer open={open} onClose={() => setOpen(false)} size={280} title={<Brand />} placement="right">
        <nav className="drawer-nav" aria-label={t('nav.label')}>
          <NavLinks onNavigate={() => setOpen(false)} />
        </nav>
        <div className="drawer-tools">
          <LanguageMenu />
          <ThemeMenu />
        </div>
      </Drawer>
    </>
  );
}

function LiveMark() {
  const { t } = useTranslation();
  const { kind } = useLiveState();
  const hint = {
    live: t('live.liveHint'),
    connecting: t('live.connectingHint'),
    away: t('live.awayHint'),
  }[kind];
  return (
    <Tooltip title={hint}>
      <span className={`live live-${kind}`} role="status">
        <span className="live-dot" aria-hidden="true" />
        <span className="live-text">{t(`live.${kind}`)}</span>
      </span>
    </Tooltip>
  );
}

function AwayBanner() {
  const { t } = useTranslation();
  const format = useFormat();
  const live = useLiveState();
  // One broken attempt is no news; a second one is. The state keeps the time of the first.
  const [late, setLate] = useState(false);
  useEffect(() => {
    if (live.kind !== 'away') {
      setLate(false);
      return;
    }
    const timer = setTimeout(() => setLate(true), 1_500);
    return () => clearTimeout(timer);
  }, [live]);
  if (live.kind !== 'away' || !late) return null;
  return (
    <Alert
      banner
      type="warning"
      showIcon
      title={t('live.bannerTitle', { time: format.clock(live.since) })}
      description={t('live.bannerText')}
    />
  );
}

function AccountMenu() {
  const { t } = useTranslation();
  const me = useQuery(meQuery).data;
  if (me === null || me === undefined) return null;
  const logOut = async () => {
    await client.call('logout').catch(() => {});
    becomeUser(null);
  };
  return (
    <Dropdown
      trigger={['click']}
      menu={{
        items: [
          {
            key: 'who',
            disabled: true,
            label: me.administrator ? `${me.user} · ${t('nav.administrator')}` : me.user,
          },
          { key: 'settings', label: <Link to="/settings">{t('nav.settings')}</Link> },
          { type: 'divider' },
          { key: 'logout', label: t('nav.logOut'), onClick: () => void logOut() },
        ],
      }}
    >
      <button type="button" className="account" aria-label={t('nav.account', { user: me.user })}>
        {me.user.slice(0, 1).toUpperCase()}
      </button>
    </Dropdown>
  );
}
