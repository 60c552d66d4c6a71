/**
 * The promise file: the one thing that an agent must never forget or make up.
 *
 * It is replaced by temporary file, fsync, rename, fsync of the directory, before the reply that
 * relies on it. Once it has existed, a marker in the volume says so. A file that is missing although
 * the marker is there, or that cannot be read, is never taken as "term 0": this instance may have
 * promised somebody not to follow or lead, so it stays closed until a person decides.
 */
import { access } from 'node:fs/promises';
import { messageOf, PlatformError } from '../lib/errors.ts';
import { writeFileAtomic } from '../os/files.ts';
import type { PromiseRecord } from './contract/contract.ts';
import { promiseRecordSchema } from './contract/schemas.ts';
import { type Home, parseJson, readIfThere } from './home.ts';

export type PromiseStore = {
  readonly record: PromiseRecord;
  /** Durable when it resolves. Never lowers the term. */
  save(record: PromiseRecord): Promise<void>;
};

export const noPromise: PromiseRecord = {
  term: 0,
  coordinator: null,
  round: 0,
  outgoingRule: null,
  rewindFloor: null,
  highestReceived: null,
};

/**
 * Opens the promise of this home. `firstTerm` is promised where none has ever been given: to take
 * over an assignment is to promise its term.
 */
export async function openPromise(home: Home, firstTerm: number): Promise<PromiseStore> {
  const existed = await access(home.promiseMarker).then(
    () => true,
    () => false,
  );
  const text = await readIfThere(home.promise);
  if (text === undefined && existed) {
    throw new PlatformError(
      'refused',
      'The file of promised terms (state/promise.json) is missing, although this volume has had one. ' +
        'The instance stays closed, because it may have promised not to serve. Put the file back from ' +
        'a copy, or remove the instance and let a new standby take its place.',
    );
  }
  let record = noPromise;
  if (text !== undefined) {
    try {
      record = parseJson(promiseRecordSchema, text, 'state/promise.json');
    } catch (cause) {
      throw new PlatformError(
        'refused',
        `The file of promised terms cannot be read (${messageOf(cause)}). The instance stays closed, ` +
          'because it may have promised not to serve. Put the file back from a copy, or remove the ' +
          'instance and let a new standby take its place.',
        { cause },
      );
    }
  }
  const save = async (next: PromiseRecord) => {
    if (next.term < record.term) throw new Error(`a promise of term ${record.term} cannot be lowered`);
    await writeFileAtomic(home.promise, JSON.stringify(next), { durable: true });
    record = next;
  };
  if (record.term < firstTerm) await save({ ...record, term: firstTerm });
  if (!existed) await writeFileAtomic(home.promiseMarker, 'see state/promise.json\n', { durable: true });
  return {
    get record() {
      return record;
    },
    save,
  };
}
