/** 多个页面共用的词：状态、种类、规格、步骤。 */
import type { Texts } from '../en.ts';

export const state: Texts['state'] = {
  creating: '创建中',
  ready: '就绪',
  degraded: '冗余不足',
  unavailable: '不可用',
  deleting: '删除中',
  deleted: '已删除',
  failed: '失败',
};

export const instanceState: Texts['instanceState'] = {
  preparing: '准备中',
  starting: '启动中',
  gated: '未放行',
  proving: '确认任期中',
  open: '服务中',
  stopping: '停止中',
  stopped: '已停止',
  crashed: '已崩溃',
  failed: '失败',
  unreachable: '失联',
};

export const receiver: Texts['receiver'] = { streaming: '复制中', connecting: '连接中', stopped: '已停止' };

export const role: Texts['role'] = { primary: '主库', standby: '备库' };

export const engine: Texts['engine'] = { mysql: 'MySQL', postgres: 'PostgreSQL' };

export const versionLabel: Texts['versionLabel'] = {
  'long-term support': '长期支持',
  recommended: '推荐',
  newest: '最新',
  older: '旧版',
};

export const size: Texts['size'] = { small: '小型', medium: '中型', large: '大型' };

export const ack: Texts['ack'] = { memory: '备库已收到', disk: '备库已落盘' };

export const kind: Texts['kind'] = {
  create: '创建',
  restart: '重启',
  delete: '删除',
  undelete: '恢复',
  purge: '彻底清除',
};

export const operationState: Texts['operationState'] = {
  pending: '排队中',
  running: '进行中',
  waiting: '等待中',
  cancelling: '取消中',
  done: '完成',
  failed: '失败',
  cancelled: '已取消',
};

export const stepState: Texts['stepState'] = {
  pending: '待执行',
  running: '进行中',
  done: '完成',
  failed: '失败',
  undone: '已撤销',
};

export const step: Texts['step'] = {
  place: '选择主机与端口',
  volumes: '创建数据卷',
  agents: '启动服务器',
  replication: '备库跟随主库',
  rule: '首次写入获得多数确认',
  endpoints: '开放访问地址',
  ready: '就绪',
  restart: '重启',
  close: '关闭访问地址',
  leader: '停止主库',
  standbys: '停止备库',
  instances: '结束服务器与代理',
  deleted: '在保留期内保留数据卷',
  end: '结束仍在运行的部分',
  remove: '清除数据卷',
  forget: '释放名称与端口',
};

export const resource: Texts['resource'] = {
  memory: '内存',
  cpu: 'CPU',
  cpus: 'CPU',
  disk: '磁盘',
  connections: '连接数',
  processes: '进程数',
  io: 'I/O',
};

export const severity: Texts['severity'] = { info: '信息', warning: '警告', error: '错误' };
