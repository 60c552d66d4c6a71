/** 控制台的全部中文文本；结构与 en.ts 相同，缺一条即无法编译。 */

import type { Texts } from './en.ts';
import * as administration from './zh/administration.ts';
import * as cluster from './zh/cluster.ts';
import * as clusters from './zh/clusters.ts';
import * as create from './zh/create.ts';
import * as frame from './zh/frame.ts';
import * as operations from './zh/operations.ts';
import * as settings from './zh/settings.ts';
import * as words from './zh/words.ts';

export const zh: Texts = {
  ...frame,
  ...words,
  ...clusters,
  ...create,
  ...cluster,
  ...operations,
  ...administration,
  ...settings,
};
