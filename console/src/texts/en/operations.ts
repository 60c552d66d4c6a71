/** Texts of operations, one and all. */

export const operation = {
  underWay: '{{kind}} is under way',
  lastFailed: '{{kind}} failed',
  steps: 'Plan',
  step: 'Step {{number}} of {{count}}',
  progress: '{{done}} of {{count}} steps',
  elapsed: '{{time}} elapsed',
  waitingFor: 'Waiting for: {{what}}',
  cancel: 'Cancel operation',
  cancelTitle: 'Cancel this operation?',
  cancelText: 'Finished steps are undone where they can be.',
  cancelDo: 'Cancel operation',
  keepGoing: 'Let it run',
  deadline: 'deadline {{time}}',
};

export const operations = {
  title: 'Operations',
  intro: 'Every change has a plan, a deadline and a way to cancel it.',
  table: 'Operations',
  what: 'Operation',
  cluster: 'Cluster',
  actor: 'By',
  state: 'State',
  progress: 'Progress',
  started: 'Started',
  took: 'Took',
  all: 'All',
  active: 'Under way',
  failed: 'Failed',
  emptyTitle: 'No operation yet',
  emptyText: 'Creating, restarting and deleting clusters show up here with their plan.',
  emptyFiltered: 'No operation in this state',
  showPlan: 'Show the plan',
  hidePlan: 'Hide the plan',
};
