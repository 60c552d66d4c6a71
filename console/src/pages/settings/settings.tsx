/** Settings: one's own tokens and password; people, teams and quotas for administrators. */
import { useQuery } from '@tanstack/react-query';
import { Link, useParams } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';
import { meQuery } from '../../data/api.ts';
import { Page } from '../../parts/page.tsx';
import { PasswordSection } from './password.tsx';
import { PeopleSection } from './people.tsx';
import { TeamsSection } from './teams.tsx';
import { TokensSection } from './tokens.tsx';

const sections = {
  tokens: TokensSection,
  password: PasswordSection,
  teams: TeamsSection,
  people: PeopleSection,
} as const;

type SectionName = keyof typeof sections;

const everybody: SectionName[] = ['tokens', 'password', 'teams'];
const administrators: SectionName[] = [...everybody, 'people'];

export function SettingsPage() {
  const { t } = useTranslation();
  const me = useQuery(meQuery).data;
  const { section } = useParams({ strict: false });
  const offered = me?.administrator ? administrators : everybody;
  const current = offered.find((name) => name === section) ?? 'tokens';
  const Current = sections[current];
  return (
    <Page title={t('settings.title')}>
      <div className="settings">
        <nav className="side-nav" aria-label={t('settings.sections')}>
          {offered.map((name) => (
            <Link
              key={name}
              to="/settings/$section"
              params={{ section: name }}
              className={name === current ? 'side-link here' : 'side-link'}
              aria-current={name === current ? 'page' : undefined}
            >
              {t(`settings.${name}`)}
            </Link>
          ))}
        </nav>
        <div className="settings-body">
          <Current />
        </div>
      </div>
    </Page>
  );
}
