/** Every text of the console, in English, by page. zh.ts has the same shape; a missing text does not compile. */
import * as administration from './en/administration.ts';
import * as cluster from './en/cluster.ts';
import * as clusters from './en/clusters.ts';
import * as create from './en/create.ts';
import * as frame from './en/frame.ts';
import * as operations from './en/operations.ts';
import * as settings from './en/settings.ts';
import * as words from './en/words.ts';

export const en = {
  ...frame,
  ...words,
  ...clusters,
  ...create,
  ...cluster,
  ...operations,
  ...administration,
  ...settings,
};

type Widen<T> = { [K in keyof T]: T[K] extends string ? string : Widen<T[K]> };

export type Texts = Widen<typeof en>;
