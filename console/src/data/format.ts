/** Numbers, sizes and times as people read them, in the page's language. */
import { useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { localeOf } from '../texts/i18n.ts';

const mebi = 1024 * 1024;
const gibi = 1024 * mebi;

export type Format = ReturnType<typeof formatFor>;

export function formatFor(language: string) {
  const locale = localeOf(language);
  const number = (value: number, digits = 0) =>
    new Intl.NumberFormat(locale, { maximumFractionDigits: digits }).format(value);
  const bytes = (value: number) =>
    value >= gibi
      ? `${number(value / gibi, value < 100 * gibi ? 1 : 0)} GiB`
      : `${number(value / mebi, value < 10 * mebi ? 1 : 0)} MiB`;
  return {
    number,
    bytes,
    mebibytes: (value: number) => bytes(value * mebi),
    gibibytes: (value: number) => `${number(value, value < 10 ? 1 : 0)} GiB`,
    milliseconds: (value: number) =>
      value >= 10_000 ? `${number(value / 1000)} s` : `${number(value, value < 10 ? 1 : 0)} ms`,
    /** 4.2 s, 1 min 05 s, 2 h 10 min */
    duration: (ms: number) => {
      const seconds = Math.max(0, ms) / 1000;
      if (seconds < 60) return `${number(seconds, seconds < 10 ? 1 : 0)} s`;
      const minutes = Math.floor(seconds / 60);
      if (minutes < 60) return `${minutes} min ${String(Math.floor(seconds % 60)).padStart(2, '0')} s`;
      return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, '0')} min`;
    },
    clock: (iso: string | number) =>
      new Intl.DateTimeFormat(locale, {
        hour: '2-digit',
        minute: '2-digit',
        second: '2-digit',
        hour12: false,
      }).format(new Date(iso)),
    date: (iso: string) => new Intl.DateTimeFormat(locale, { dateStyle: 'medium' }).format(new Date(iso)),
    dateTime: (iso: string) =>
      new Intl.DateTimeFormat(locale, {
        year: 'numeric',
        month: 'short',
        day: 'numeric',
        hour: '2-digit',
        minute: '2-digit',
        second: '2-digit',
        hour12: false,
      }).format(new Date(iso)),
    ago: (iso: string, now: number) => {
      const seconds = Math.round((new Date(iso).getTime() - now) / 1000);
      const relative = new Intl.RelativeTimeFormat(locale, { numeric: 'auto', style: 'short' });
      const size = Math.abs(seconds);
      if (size < 60) return relative.format(Math.min(0, seconds), 'second');
      if (size < 3600) return relative.format(Math.round(seconds / 60), 'minute');
      if (size < 86_400) return relative.format(Math.round(seconds / 3600), 'hour');
      return relative.format(Math.round(seconds / 86_400), 'day');
    },
  };
}

export function useFormat(): Format {
  const { i18n } = useTranslation();
  return formatFor(i18n.language);
}

/** The time, again every `everyMs`; stands still while `running` is false. */
export function useNow(everyMs: number, running = true): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    if (!running) return;
    const timer = setInterval(() => setNow(Date.now()), everyMs);
    return () => clearInterval(timer);
  }, [everyMs, running]);
  return now;
}
