/** 基础设施与审计。 */
import type { Texts } from '../en.ts';

export const infrastructure: Texts['infrastructure'] = {
  title: '基础设施',
  intro: '同一可用区会一起失效，主机则单独失效。同一集群的成员不会共用一台主机。',
  zone: '可用区 {{zone}}',
  region: '地域 {{region}}',
  hosts_one: '{{count}} 台主机',
  hosts_other: '{{count}} 台主机',
  memoryFree: '可用内存',
  diskFree: '可用磁盘',
  instances: '实例',
  noInstances: '空闲',
  limits: '本安装的资源限制',
  limitsHint: '实例不能超过哪些限制，以及如何保证。',
  enforced: '强制',
  notEnforced: '不强制',
  resource: '资源',
  how: '方式',
  primaryOf: '{{cluster}} 的主库',
  standbyOf: '{{cluster}} 的备库',
};

export const audit: Texts['audit'] = {
  title: '审计',
  intro: '谁更改或查看了什么，最新的在前；被拒绝的尝试也在其中。',
  table: '审计记录',
  at: '时间',
  actor: '人员',
  action: '动作',
  object: '对象',
  outcome: '结果',
  address: '来源',
  details: '详情',
  allowed: '已允许',
  refused: '已拒绝',
  failed: '失败',
  empty: '尚无记录。',
  administratorsOnly: '只有管理员可以查看审计记录。',
};
