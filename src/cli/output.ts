/** Results on standard output: plain aligned columns for people, JSON for scripts. */
import type { CliEnvironment, Terminal } from './environment.ts';

type Colour = 'green' | 'yellow' | 'red' | 'dim' | 'bold';

const codes = {
  green: [32, 39],
  yellow: [33, 39],
  red: [31, 39],
  dim: [2, 22],
  bold: [1, 22],
} satisfies Record<Colour, [number, number]>;

export type Output = {
  readonly json: boolean;
  line(text?: string): void;
  object(value: unknown): void;
  /** One JSON value per line, for streams. */
  jsonLine(value: unknown): void;
  /** Columns as wide as their content; on a terminal the last one is cut at its edge. */
  table(header: string[], rows: string[][]): void;
  paint(colour: Colour, text: string): string;
};

export function createOutput(environment: CliEnvironment, json: boolean): Output {
  const { stdout } = environment;
  const colours = coloursOn(stdout, environment);
  const output: Output = {
    json,
    line: (text = '') => void stdout.write(`${text}\n`),
    object: (value) => void stdout.write(`${JSON.stringify(value, null, 2)}\n`),
    jsonLine: (value) => void stdout.write(`${JSON.stringify(value)}\n`),
    paint: (colour, text) => (colours ? paint(colour, text) : text),
    table(header, rows) {
      const width = stdout.isTTY ? stdout.columns || 80 : Number.POSITIVE_INFINITY;
      const all = [header.map((title) => title.toUpperCase()), ...rows];
      const widths = header.map((_, i) => Math.max(...all.map((row) => (row[i] ?? '').length)));
      for (const [n, row] of all.entries()) {
        const text = row
          .map((cell, i) => (i === row.length - 1 ? cell : cell.padEnd(widths[i] ?? 0)))
          .join('  ');
        const cut = cutTo(text.trimEnd(), width);
        output.line(n === 0 ? output.paint('dim', cut) : cut);
      }
    },
  };
  return output;
}

export function coloursOn(terminal: Terminal, environment: CliEnvironment): boolean {
  return terminal.isTTY === true && !environment.env.NO_COLOR && environment.env.TERM !== 'dumb';
}

export function paint(colour: Colour, text: string): string {
  const [on, off] = codes[colour];
  return `\u001b[${on}m${text}\u001b[${off}m`;
}

export function cutTo(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, Math.max(0, width - 1))}…`;
}

/** 2026-01-02 15:04:05, in the reader's time zone. */
export function localTime(iso: string | null): string {
  if (iso === null) return '-';
  const d = new Date(iso);
  const two = (n: number) => String(n).padStart(2, '0');
  const day = `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())}`;
  return `${day} ${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}`;
}

export function megabytes(mb: number): string {
  return mb >= 1024 && mb % 1024 === 0 ? `${mb / 1024} GiB` : `${mb} MiB`;
}

export function bytes(value: number | null): string {
  if (value === null) return '-';
  const gib = value / 1024 ** 3;
  return gib >= 1 ? `${gib.toFixed(1)} GiB` : `${Math.round(value / 1024 ** 2)} MiB`;
}
