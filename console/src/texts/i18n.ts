/** i18next with our two tables. Keys are typed: a text that does not exist does not compile. */
import i18next from 'i18next';
import { initReactI18next } from 'react-i18next';
import { en, type Texts } from './en.ts';
import { zh } from './zh.ts';

export type Language = 'en' | 'zh';

declare module 'i18next' {
  interface CustomTypeOptions {
    defaultNS: 'translation';
    resources: { translation: Texts };
  }
}

const storageKey = 'mooring.language';

/** The language chosen before, else the browser's first one that we speak, else English. */
export function initialLanguage(): Language {
  const stored = localStorage.getItem(storageKey);
  if (stored === 'en' || stored === 'zh') return stored;
  for (const wish of navigator.languages) {
    if (wish.toLowerCase().startsWith('zh')) return 'zh';
    if (wish.toLowerCase().startsWith('en')) return 'en';
  }
  return 'en';
}

export function chooseLanguage(language: Language): void {
  localStorage.setItem(storageKey, language);
  void i18next.changeLanguage(language);
}

export const localeOf = (language: string): string => (language.startsWith('zh') ? 'zh-CN' : 'en');

export async function startTexts(): Promise<void> {
  i18next.on('languageChanged', (language) => {
    document.documentElement.lang = localeOf(language);
  });
  await i18next.use(initReactI18next).init({
    lng: initialLanguage(),
    fallbackLng: 'en',
    resources: { en: { translation: en }, zh: { translation: zh } },
    interpolation: { escapeValue: false },
  });
}
