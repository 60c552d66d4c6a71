/**
 * The look, in one table: colours as CSS custom properties (base.css reads nothing else) and the same
 * values for Ant Design. Calm paper and ink, one deep sea-green accent, five status tones that are
 * always accompanied by a shape and a word.
 */
import { type ThemeConfig, theme } from 'antd';

export type Mode = 'light' | 'dark';

type Palette = Record<
  | 'page'
  | 'surface'
  | 'raised'
  | 'sunken'
  | 'line'
  | 'line-strong'
  | 'ink'
  | 'ink-2'
  | 'ink-3'
  | 'accent'
  | 'accent-ink'
  | 'accent-soft'
  | 'ok'
  | 'ok-soft'
  | 'warn'
  | 'warn-soft'
  | 'bad'
  | 'bad-soft'
  | 'busy'
  | 'busy-soft'
  | 'idle'
  | 'idle-soft',
  string
>;

export const palettes: Record<Mode, Palette> = {
  light: {
    page: '#f4f6f6',
    surface: '#ffffff',
    raised: '#ffffff',
    sunken: '#f7f9f9',
    line: '#dfe5e6',
    'line-strong': '#c3cdd0',
    ink: '#14232a',
    'ink-2': '#475a63',
    'ink-3': '#64757d',
    accent: '#0f5f73',
    'accent-ink': '#ffffff',
    'accent-soft': '#e4eff2',
    ok: '#1b7548',
    'ok-soft': '#e3f2e9',
    warn: '#8f5400',
    'warn-soft': '#faefd9',
    bad: '#b12c28',
    'bad-soft': '#fbe8e6',
    busy: '#2a5bb0',
    'busy-soft': '#e5edfa',
    idle: '#64757d',
    'idle-soft': '#ebeff0',
  },
  dark: {
    page: '#0e1618',
    surface: '#152023',
    raised: '#1b282c',
    sunken: '#111b1e',
    line: '#27363b',
    'line-strong': '#3b4e55',
    ink: '#e3ebed',
    'ink-2': '#aab9bf',
    'ink-3': '#8699a1',
    accent: '#63bdd2',
    'accent-ink': '#06191e',
    'accent-soft': '#15333b',
    ok: '#62c592',
    'ok-soft': '#153024',
    warn: '#e2ae54',
    'warn-soft': '#352a12',
    bad: '#f28a82',
    'bad-soft': '#3b1f1d',
    busy: '#84adf2',
    'busy-soft': '#1a2a45',
    idle: '#93a5ac',
    'idle-soft': '#223036',
  },
};

export const sans =
  '-apple-system, BlinkMacSystemFont, "Segoe UI", Roboto, "Noto Sans", "Helvetica Neue", Arial, "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", sans-serif';
export const mono =
  'ui-monospace, "SF Mono", "Cascadia Mono", "JetBrains Mono", Menlo, Consolas, "DejaVu Sans Mono", "Noto Sans Mono CJK SC", monospace';

/** Puts the palette on the page; called before the first paint, so that nothing flashes. */
export function applyPalette(mode: Mode): void {
  const root = document.documentElement;
  root.dataset.theme = mode;
  root.style.colorScheme = mode;
  for (const [name, value] of Object.entries(palettes[mode])) root.style.setProperty(`--${name}`, value);
  root.style.setProperty('--sans', sans);
  root.style.setProperty('--mono', mono);
}

export function antTheme(mode: Mode): ThemeConfig {
  const p = palettes[mode];
  return {
    algorithm: mode === 'dark' ? theme.darkAlgorithm : theme.defaultAlgorithm,
    token: {
      fontFamily: sans,
      fontFamilyCode: mono,
      fontSize: 14,
      borderRadius: 8,
      borderRadiusLG: 12,
      controlHeight: 36,
      colorPrimary: p.accent,
      colorInfo: p.busy,
      colorSuccess: p.ok,
      colorWarning: p.warn,
      colorError: p.bad,
      colorErrorBg: p['bad-soft'],
      colorErrorBorder: `color-mix(in srgb, ${p.bad} 30%, ${p.surface})`,
      colorWarningBg: p['warn-soft'],
      colorWarningBorder: `color-mix(in srgb, ${p.warn} 30%, ${p.surface})`,
      colorSuccessBg: p['ok-soft'],
      colorSuccessBorder: `color-mix(in srgb, ${p.ok} 30%, ${p.surface})`,
      colorInfoBg: p['busy-soft'],
      colorInfoBorder: `color-mix(in srgb, ${p.busy} 30%, ${p.surface})`,
      colorLink: p.accent,
      colorLinkHover: p.accent,
      colorText: p.ink,
      colorTextSecondary: p['ink-2'],
      colorTextTertiary: p['ink-3'],
      colorTextPlaceholder: p['ink-3'],
      colorBgLayout: p.page,
      colorBgContainer: p.surface,
      colorBgElevated: p.raised,
      colorBorder: p['line-strong'],
      colorBorderSecondary: p.line,
      colorSplit: p.line,
      boxShadow: '0 8px 28px rgb(10 25 30 / 14%)',
      boxShadowSecondary: '0 8px 28px rgb(10 25 30 / 14%)',
    },
    components: {
      Button: {
        primaryColor: p['accent-ink'],
        primaryShadow: 'none',
        defaultShadow: 'none',
        dangerShadow: 'none',
        fontWeight: 500,
      },
      Table: {
        headerBg: 'transparent',
        headerColor: p['ink-3'],
        headerSplitColor: 'transparent',
        rowHoverBg: p.sunken,
        cellPaddingBlock: 14,
        cellPaddingInline: 16,
        bodySortBg: 'transparent',
      },
      Modal: { titleFontSize: 18 },
      Segmented: { trackBg: p['idle-soft'], itemSelectedBg: p.surface },
      Form: { labelColor: p['ink-2'], verticalLabelPadding: '0 0 6px' },
    },
  };
}
