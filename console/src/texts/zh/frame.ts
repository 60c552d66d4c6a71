/** 每页都有的文本与登录页。 */
import type { Texts } from '../en.ts';

export const brand: Texts['brand'] = { tagline: '已提交的事务，一笔不丢' };

export const nav: Texts['nav'] = {
  label: '主导航',
  clusters: '集群',
  operations: '操作',
  infrastructure: '基础设施',
  audit: '审计',
  settings: '设置',
  menu: '打开菜单',
  skip: '跳到正文',
  account: '账户 {{user}}',
  logOut: '退出登录',
  administrator: '管理员',
};

export const preferences: Texts['preferences'] = {
  language: '语言',
  theme: '外观',
  system: '跟随浏览器',
  light: '浅色',
  dark: '深色',
};

export const live: Texts['live'] = {
  live: '实时',
  connecting: '连接中',
  away: '未连接',
  liveHint: '页面会自动更新',
  connectingHint: '正在打开变更流',
  awayHint: '平台没有响应，正在重试',
  bannerTitle: '平台自 {{time}} 起没有响应',
  bannerText:
    '当前显示的是最后已知的状态。没有平台，数据库仍照常服务。页面会自动重新连接；如果无人处理，请用 ./moor up 启动平台。',
};

export const common: Texts['common'] = {
  cancel: '取消',
  close: '关闭',
  save: '保存',
  back: '返回',
  copy: '复制',
  copied: '已复制',
  copyWhat: '复制{{what}}',
  retry: '重试',
  loadMore: '加载更多',
  none: '无',
  unknown: '未知',
  never: '从未',
  yes: '是',
  no: '否',
  problem: '操作未成功',
  loadFailed: '内容加载失败',
  notFoundTitle: '这里没有内容',
  notFoundText: '地址可能有误，或者对应的对象已被彻底清除。',
  toClusters: '前往集群列表',
  crashTitle: '页面自身出现错误',
  crashText: '您的数据库不受影响。请重新加载；若仍出现，请上报。',
  reload: '重新加载',
};

export const login: Texts['login'] = {
  title: '登录',
  user: '用户名',
  password: '密码',
  submit: '登录',
  firstHint: '首位管理员的密码由 ./moor up 打印在终端。',
  wrong: '用户名或密码错误',
  userMissing: '请输入用户名',
  passwordMissing: '请输入密码',
  setTitle: '设置您自己的密码',
  setText: '初始密码只能使用一次。此后只有您知道新密码。',
  newPassword: '新密码',
  repeatPassword: '再次输入新密码',
  setSubmit: '设置密码并继续',
  tooShort: '至少 12 个字符',
  tooLong: '最多 200 个字符',
  different: '两次输入的密码不一致',
  sameAsOld: '新密码不能与当前密码相同',
};
