/** How far the packs are: in a terminal bars that move, elsewhere a line per phase. */
import { engineOffers } from '../../domain/engines.ts';
import { megabytes, type OnPackProgress, type PackProgress } from '../../packs/progress.ts';

export type ProgressBar = { onProgress: OnPackProgress; end: () => void };

type Output = { write(text: string): unknown; isTTY?: boolean; columns?: number };

export function packProgressBar(output: Output = process.stderr): ProgressBar {
  const latest = new Map<string, PackProgress>();
  let drawn = 0;
  const draw = () => {
    if (drawn > 0) output.write(`\x1b[${drawn}A`);
    const width = (output.columns ?? 80) - 1;
    for (const progress of latest.values()) output.write(`\x1b[2K${barOf(progress).slice(0, width)}\n`);
    drawn = latest.size;
  };
  return {
    onProgress(progress) {
      const name = `${progress.engine} ${progress.version}`;
      const before = latest.get(name);
      latest.set(name, progress);
      if (output.isTTY) draw();
      else if (before?.phase !== progress.phase) output.write(`${lineOf(progress)}\n`);
    },
    end() {
      if (output.isTTY && latest.size > 0) draw();
      latest.clear();
      drawn = 0;
    },
  };
}

const labelOf = ({ engine, version }: PackProgress) => `${engineOffers[engine].label} ${version}`;

export function barOf(progress: PackProgress): string {
  const cells = 24;
  const full = Math.round(progress.fraction * cells);
  const percent = `${Math.round(progress.fraction * 100)}`.padStart(3);
  return `${labelOf(progress).padEnd(16)} ${'█'.repeat(full)}${'░'.repeat(cells - full)} ${percent} %  ${progress.message}`;
}

function lineOf(progress: PackProgress): string {
  const size = progress.phase === 'download' ? ` (${megabytes(progress.totalBytes)})` : '';
  const words: Record<PackProgress['phase'], string> = {
    waiting: progress.message,
    index: progress.message,
    download: `downloading packages${size}`,
    unpack: 'unpacking',
    check: 'checking that it runs',
    done: progress.message,
  };
  return `${labelOf(progress)}: ${words[progress.phase]}`;
}
