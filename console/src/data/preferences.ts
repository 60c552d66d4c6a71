/** Appearance: like the browser unless chosen. Kept in this browser only. */
import { useSyncExternalStore } from 'react';
import { applyPalette, type Mode } from '../theme/tokens.ts';

export type Appearance = 'system' | Mode;

const storageKey = 'mooring.appearance';
const wantsDark = window.matchMedia('(prefers-color-scheme: dark)');
const listeners = new Set<() => void>();
let appearance: Appearance = read();

function read(): Appearance {
  const stored = localStorage.getItem(storageKey);
  return stored === 'light' || stored === 'dark' ? stored : 'system';
}

function currentMode(): Mode {
  if (appearance !== 'system') return appearance;
  return wantsDark.matches ? 'dark' : 'light';
}

function tell(): void {
  applyPalette(currentMode());
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function startAppearance(): void {
  applyPalette(currentMode());
  wantsDark.addEventListener('change', tell);
}

export function chooseAppearance(next: Appearance): void {
  appearance = next;
  if (next === 'system') localStorage.removeItem(storageKey);
  else localStorage.setItem(storageKey, next);
  tell();
}

const phone = window.matchMedia('(max-width: 640px)');

/** Whether the page is as narrow as a phone; tables become lists there. */
export const useNarrow = (): boolean =>
  useSyncExternalStore(
    (listener) => {
      phone.addEventListener('change', listener);
      return () => phone.removeEventListener('change', listener);
    },
    () => phone.matches,
  );

export const useAppearance = (): Appearance => useSyncExternalStore(subscribe, () => appearance);
export const useMode = (): Mode => useSyncExternalStore(subscribe, currentMode);
