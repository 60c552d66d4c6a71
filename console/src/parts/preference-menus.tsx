/** Language and appearance, each a small menu. */
import { MoonOutlined, SunOutlined } from '@ant-design/icons';
import { Button, Dropdown } from 'antd';
import { useTranslation } from 'react-i18next';
import { type Appearance, chooseAppearance, useAppearance, useMode } from '../data/preferences.ts';
import { chooseLanguage, type Language } from '../texts/i18n.ts';

const languages: Record<Language, string> = { en: 'English', zh: '简体中文' };

export function LanguageMenu() {
  const { t, i18n } = useTranslation();
  const current: Language = i18n.language === 'zh' ? 'zh' : 'en';
  return (
    <Dropdown
      trigger={['click']}
      menu={{
        selectedKeys: [current],
        items: Object.entries(languages).map(([key, label]) => ({
          key,
          label: <span lang={key}>{label}</span>,
        })),
        onClick: ({ key }) => chooseLanguage(key === 'zh' ? 'zh' : 'en'),
      }}
    >
      <Button type="text" aria-label={`${t('preferences.language')}: ${languages[current]}`}>
        {current === 'zh' ? '中文' : 'EN'}
      </Button>
    </Dropdown>
  );
}

export function ThemeMenu() {
  const { t } = useTranslation();
  const appearance = useAppearance();
  const mode = useMode();
  const choices: Appearance[] = ['system', 'light', 'dark'];
  return (
    <Dropdown
      trigger={['click']}
      menu={{
        selectedKeys: [appearance],
        items: choices.map((key) => ({ key, label: t(`preferences.${key}`) })),
        onClick: ({ key }) => chooseAppearance(key as Appearance),
      }}
    >
      <Button
        type="text"
        icon={mode === 'dark' ? <MoonOutlined /> : <SunOutlined />}
        aria-label={`${t('preferences.theme')}: ${t(`preferences.${appearance}`)}`}
      />
    </Dropdown>
  );
}
