/** 操作：列表与详情。 */
import type { Texts } from '../en.ts';

export const operation: Texts['operation'] = {
  underWay: '{{kind}}进行中',
  lastFailed: '{{kind}}失败',
  steps: '计划',
  step: '第 {{number}} 步，共 {{count}} 步',
  progress: '{{done}} / {{count}} 步',
  elapsed: '已用时 {{time}}',
  waitingFor: '正在等待：{{what}}',
  cancel: '取消操作',
  cancelTitle: '取消这个操作？',
  cancelText: '已完成的步骤会在可能时撤销。',
  cancelDo: '取消操作',
  keepGoing: '继续执行',
  deadline: '期限 {{time}}',
};

export const operations: Texts['operations'] = {
  title: '操作',
  intro: '每个变更都有计划、期限，并且可以取消。',
  table: '操作',
  what: '操作',
  cluster: '集群',
  actor: '发起人',
  state: '状态',
  progress: '进度',
  started: '开始于',
  took: '用时',
  all: '全部',
  active: '进行中',
  failed: '失败',
  emptyTitle: '尚无操作',
  emptyText: '创建、重启和删除集群会连同计划显示在这里。',
  emptyFiltered: '没有处于该状态的操作',
  showPlan: '展开计划',
  hidePlan: '收起计划',
};
