/** Progress for a person: a line that is redrawn on a terminal, plain lines everywhere else. */
import type { WriteStream } from 'node:tty';

export type Progress = {
  /** Something that is under way and knows how far it is (0 to 1). Shown again and again. */
  bar(key: string, label: string, fraction: number, detail: string): void;
  line(text: string): void;
  /** Ends the redrawn part. */
  end(): void;
};

const width = 24;

export function createProgress(out: NodeJS.WriteStream | WriteStream): Progress {
  const bars = new Map<string, string>();
  const told = new Map<string, number>();
  let drawn = 0;
  const erase = () => {
    if (drawn > 0) out.write(`\x1b[${drawn}F\x1b[J`);
    drawn = 0;
  };
  const draw = () => {
    for (const text of bars.values()) out.write(`${text}\n`);
    drawn = bars.size;
  };
  return {
    bar(key, label, fraction, detail) {
      const filled = Math.round(Math.min(1, fraction) * width);
      const text = `  ${label.padEnd(18)} ${'█'.repeat(filled)}${'░'.repeat(width - filled)} ${detail}`;
      if (out.isTTY) {
        erase();
        bars.set(key, text);
        draw();
        return;
      }
      // A log gets a line for each quarter, not for each packet.
      const quarter = Math.floor(fraction * 4);
      if (told.get(key) === quarter) return;
      told.set(key, quarter);
      out.write(`  ${label}: ${Math.round(fraction * 100)} % ${detail}\n`);
    },
    line(text) {
      erase();
      out.write(`  ${text}\n`);
      draw();
    },
    end() {
      bars.clear();
      drawn = 0;
    },
  };
}
