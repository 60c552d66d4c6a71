/** What of a change between two reports people should know; pure. The instance's name comes before. */
import type { InstanceStatus } from '../domain/status.ts';

export type Told = { severity: 'info' | 'warning' | 'error'; kind: string; sentence: string };

export function transitions(before: InstanceStatus | undefined, now: InstanceStatus): Told[] {
  const told: Told[] = [];
  const exit = now.server.lastExit;
  if (exit !== null && exit.at !== before?.server.lastExit?.at) {
    const how = exit.signal !== null ? `was killed by ${exit.signal}` : `ended with exit code ${exit.code}`;
    const planned = now.phase === 'stopped' || now.phase === 'stopping' || before?.phase === 'stopping';
    const restarted = before !== undefined && now.restartsDone > before.restartsDone;
    told.push({
      severity: planned || restarted ? 'info' : 'warning',
      kind: 'server-exited',
      sentence: `${how}${planned ? '' : '; it is started again'}`,
    });
  }
  if (before === undefined) return told;

  if (now.server.unplannedRestarts > before.server.unplannedRestarts) {
    told.push({ severity: 'info', kind: 'server-started-again', sentence: 'was started again' });
  }
  if (now.phase !== before.phase) {
    if (now.phase === 'open') told.push({ severity: 'info', kind: 'opened', sentence: 'is open' });
    if (now.phase === 'failed') {
      told.push({ severity: 'error', kind: 'instance-failed', sentence: `needs a person: ${now.why}` });
    }
  }
  if (now.volume.full !== before.volume.full) {
    told.push(
      now.volume.full
        ? { severity: 'error', kind: 'volume-full', sentence: 'has a full volume and refuses writes' }
        : { severity: 'info', kind: 'volume-has-room', sentence: 'has room on its volume again' },
    );
  }
  const was = before.database?.receiver?.state;
  const receiver = now.database?.receiver;
  if (was !== undefined && receiver && receiver.state !== was) {
    if (receiver.state === 'streaming') {
      told.push({
        severity: 'info',
        kind: 'standby-follows',
        sentence: `follows ${receiver.source ?? 'again'}`,
      });
    } else if (was === 'streaming') {
      const why = receiver.error ? `: ${receiver.error}` : '';
      told.push({ severity: 'warning', kind: 'standby-lost', sentence: `does not follow any more${why}` });
    }
  }
  const longMs = 5_000;
  const waited = now.quorumProbe?.waitingMs ?? 0;
  if (waited >= longMs && (before.quorumProbe?.waitingMs ?? 0) < longMs) {
    const seconds = Math.round(waited / 1000);
    const sentence = `has waited ${seconds} s for an acknowledgement of its standbys`;
    told.push({ severity: 'warning', kind: 'quorum-waits', sentence });
  }
  return told;
}
