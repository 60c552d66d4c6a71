/** 集群列表，以及各拓扑及其承诺。 */
import type { Texts } from '../en.ts';

export const clusters: Texts['clusters'] = {
  title: '集群',
  intro: '每个集群是一套 MySQL 或 PostgreSQL 服务，含备库和两个固定的访问地址。',
  create: '创建集群',
  name: '名称',
  engine: '引擎',
  topology: '拓扑',
  health: '健康状况',
  promise: '承诺',
  actions: '操作',
  showDeleted: '显示已删除',
  search: '按名称查找',
  open: '打开 {{name}}',
  undelete: '恢复',
  undeleteName: '恢复 {{name}}',
  more: '{{name}} 的操作',
  connect: '连接',
  restart: '重启',
  delete: '删除',
  total_one: '{{count}} 个集群',
  total_other: '{{count}} 个集群',
  purgeAfter: '数据卷保留至 {{time}}',
  noneMatch: '没有这个名称的集群',
  emptyTitle: '还没有集群',
  emptyText: '创建第一个只需几秒：选引擎，选要承受的故障，填名称。也可以在平台所在的机器上运行：',
  table: '集群',
};

export const promise: Texts['promise'] = {
  rpoZero: 'RPO 0',
  rpoVolume: '数据卷完好时 RPO 0',
  rto: 'RTO',
  rpo: 'RPO',
  rpoZeroLong: '0：已确认的提交一笔不丢',
  rpoVolumeLong: '唯一的数据卷完好时为 0',
  rtoSingle: '数秒：原地重启',
  rtoReplicated: '数秒',
  rtoShort: 'RTO 数秒',
};

export const survives: Texts['survives'] = {
  title: '以下故障不丢数据',
  process: '服务进程退出',
  host: '一台主机丢失',
  zone: '整个可用区丢失',
};

export const topologyName: Texts['topologyName'] = {
  single: '单实例',
  '1+1': '一主一备',
  '1+2': '一主两备',
  '1+3': '一主三备',
};

export const topologyFor: Texts['topologyFor'] = {
  single: '适合开发环境和可以重新生成的数据。',
  '1+1': '每笔提交至少保存在两处。',
  '1+2': '生产环境的常用选择。',
  '1+3': '用于不能停的业务：每笔提交至少保存在三处。',
};

export const picture: Texts['picture'] = {
  label: '{{topology}}：主库在可用区 {{zone}}{{standbys}}',
  standbyIn: '，备库在可用区 {{zone}}',
  zone: '可用区 {{zone}}',
  none: '没有实例',
  term: '任期 {{term}}',
  quorum: '等待 {{standbys}} 个备库中的 {{k}} 个确认',
  noQuorum: '无备库，无需等待',
  lag: '延迟 {{lag}}',
  ack: '最近一次确认用时 {{ms}}',
  waitingAck: '等待备库确认已 {{ms}}',
  writable: '可写',
  notWritable: '不可写',
  readWrite: '读写',
  readOnly: '只读',
  large: '{{name}} 的实时拓扑：{{members}}',
  member: '{{name}}，{{role}}，可用区 {{zone}}，{{state}}',
};
