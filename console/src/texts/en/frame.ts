/** Texts of what stands on every page, and the log-in. */

export const brand = { tagline: 'Databases that do not lose a committed transaction' };

export const nav = {
  label: 'Main',
  clusters: 'Clusters',
  operations: 'Operations',
  infrastructure: 'Infrastructure',
  audit: 'Audit',
  settings: 'Settings',
  menu: 'Open menu',
  skip: 'Skip to content',
  account: 'Account {{user}}',
  logOut: 'Log out',
  administrator: 'Administrator',
};

export const preferences = {
  language: 'Language',
  theme: 'Appearance',
  system: 'Like the browser',
  light: 'Light',
  dark: 'Dark',
};

export const live = {
  live: 'Live',
  connecting: 'Connecting',
  away: 'Not connected',
  liveHint: 'This page updates by itself',
  connectingHint: 'Opening the stream of changes',
  awayHint: 'The platform does not answer; trying again',
  bannerTitle: 'The platform has not answered since {{time}}',
  bannerText:
    'You see the last known state. Databases keep serving without the platform. This page reconnects by itself; if nobody is working on it, start the platform with ./moor up.',
};

export const common = {
  cancel: 'Cancel',
  close: 'Close',
  save: 'Save',
  back: 'Back',
  copy: 'Copy',
  copied: 'Copied',
  copyWhat: 'Copy {{what}}',
  retry: 'Try again',
  loadMore: 'Load more',
  none: 'none',
  unknown: 'not known',
  never: 'never',
  yes: 'yes',
  no: 'no',
  problem: 'That did not work',
  loadFailed: 'This could not be loaded',
  notFoundTitle: 'There is nothing here',
  notFoundText: 'The address may be mistyped, or what it named has been removed for good.',
  toClusters: 'Go to the clusters',
  crashTitle: 'This page met an error of its own',
  crashText: 'Nothing happened to your databases. Load the page again; if it stays, report it.',
  reload: 'Load again',
};

export const login = {
  title: 'Log in',
  user: 'User name',
  password: 'Password',
  submit: 'Log in',
  firstHint: 'The first administrator’s password was printed by ./moor up.',
  wrong: 'User name or password is wrong',
  userMissing: 'Enter your user name',
  passwordMissing: 'Enter your password',
  setTitle: 'Choose your own password',
  setText: 'The initial password works once. From now on only you know it.',
  newPassword: 'New password',
  repeatPassword: 'Repeat the new password',
  setSubmit: 'Set password and continue',
  tooShort: 'At least 12 characters',
  tooLong: 'At most 200 characters',
  different: 'The two passwords differ',
  sameAsOld: 'Choose another password than the current one',
};
