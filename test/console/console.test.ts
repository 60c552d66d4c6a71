/** The console as people use it: a real platform, real engines, a real browser. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Browser } from 'playwright-core';
import { type Platform, startPlatform } from '../support/platform.ts';
import { launchChromium, skipWithoutChromium } from './browser.ts';
import { Visitor } from './visitor.ts';

const ownPassword = 'a quiet harbour at dawn';
const readyMs = 60_000;

describe('the console', { skip: skipWithoutChromium }, () => {
  let platform: Platform;
  let browser: Browser;

  before(async () => {
    platform = await startPlatform();
    browser = await launchChromium();
  });
  after(async () => {
    await browser?.close();
    await platform?.[Symbol.asyncDispose]();
  });

  const english = () => Visitor.arrive(browser, platform.url, { locale: 'en-GB' });

  async function logIn(visitor: Visitor, password = ownPassword): Promise<void> {
    await visitor.field('User name').fill('admin');
    await visitor.field('Password').fill(password);
    await visitor.button('Log in').click();
  }

  it('refuses a wrong password with a sentence', async () => {
    await using visitor = await english();
    await visitor.goTo('/');
    await visitor.heading('Log in').waitFor();
    await logIn(visitor, 'not the password');
    await visitor.text('User name or password is wrong').first().waitFor();
    await visitor.takePicture('login');
  });

  it('asks for an own password at the first log-in, then shows how to begin', async () => {
    await using visitor = await english();
    await visitor.goTo('/clusters');
    await logIn(visitor, platform.adminPassword);
    await visitor.heading('Choose your own password').waitFor();
    await visitor.field('New password').fill('short');
    await visitor.field('Repeat the new password').fill('other');
    await visitor.button('Set password and continue').click();
    await visitor.text('At least 12 characters').waitFor();
    await visitor.text('The two passwords differ').waitFor();
    await visitor.field('New password').fill(ownPassword);
    await visitor.field('Repeat the new password').fill(ownPassword);
    await visitor.button('Set password and continue').click();
    await visitor.heading('No cluster yet').waitFor();
    await visitor.text('./moor create mysql orders --topology 1+2').waitFor();
    await visitor.takePicture('clusters-empty');
  });

  it('returns to the address after log-in, and to the log-in form after log-out', async () => {
    await using visitor = await english();
    await visitor.goTo('/infrastructure');
    await logIn(visitor);
    await visitor.heading('Infrastructure').waitFor();
    await visitor.heading('Zone a').waitFor();
    await visitor.button('Account admin').click();
    await visitor.page.getByRole('menuitem', { name: 'Log out' }).click();
    await visitor.heading('Log in').waitFor();
  });

  it('creates a single PostgreSQL in three steps and shows it become ready without a reload', async () => {
    await using visitor = await english();
    await visitor.goTo('/clusters');
    await logIn(visitor);
    await visitor.link('Create cluster').first().click();
    await visitor.heading('Create a cluster').waitFor();
    await visitor.choose('PostgreSQL');
    await visitor.choose('single');
    await visitor.field('Name').fill('Ledger_1');
    await visitor.text(/starts with a letter and does not end with a hyphen/).waitFor();
    await visitor.field('Name').fill('all');
    await visitor.text('“all” is reserved; choose another name').waitFor();
    await visitor.field('Name').fill('ledger');
    await visitor.takePicture('create');
    await visitor.button('Create cluster').click();
    await visitor.heading('ledger').first().waitFor();
    await visitor.page.getByText('Ready', { exact: true }).first().waitFor({ timeout: readyMs });
    await visitor.text('Read-write endpoint').waitFor();
  });

  it('shows a name that is taken at its field', async () => {
    await using visitor = await english();
    await visitor.goTo('/clusters/new');
    await logIn(visitor);
    await visitor.field('Name').fill('ledger');
    await visitor.text('A cluster with the name “ledger” exists; choose another name').waitFor();
    await visitor.button('Create cluster').click();
    assert.match(visitor.page.url(), /\/clusters\/new$/);
  });

  it('reveals the password of the application account, which the audit trail records', async () => {
    await using visitor = await english();
    await visitor.goTo('/clusters/ledger');
    await logIn(visitor);
    await visitor.button('Reveal password').click();
    await visitor.button('Hide password').waitFor();
    const { password } = await platform.api.call('getAccount', { params: { name: 'ledger' } });
    await visitor.page.getByText(password, { exact: true }).waitFor();
    for (const client of ['psql', 'Node', 'Java', 'Python']) {
      await visitor.page.getByRole('tab', { name: client }).click();
      assert.match(String(await visitor.page.getByRole('tabpanel').textContent()), new RegExp(password));
    }
    await visitor.link('Audit').click();
    await visitor.page
      .getByRole('cell', { name: /ledger/ })
      .first()
      .waitFor();
    await visitor.takePicture('audit');
  });

  it('creates a MySQL 1+1 in Chinese, dark', async () => {
    await using visitor = await Visitor.arrive(browser, platform.url, {
      locale: 'zh-CN',
      colorScheme: 'dark',
    });
    await visitor.goTo('/clusters/new');
    await visitor.field('用户名').fill('admin');
    await visitor.field('密码').fill(ownPassword);
    await visitor.button('登录').click();
    await visitor.heading('创建集群').waitFor();
    await visitor.choose('MySQL');
    await visitor.choose('1+1');
    await visitor.field('名称').fill('orders');
    await visitor.takePicture('create-zh-dark');
    await visitor.button('创建集群').click();
    await visitor.heading('orders').first().waitFor();
    await visitor.page.getByText('就绪', { exact: true }).first().waitFor({ timeout: readyMs });
    await visitor.page.getByRole('img', { name: /orders 的实时拓扑.*主库.*备库/ }).waitFor();
    await visitor.takePicture('cluster-zh-dark');
  });

  it('says while it happens that a killed server comes back', async () => {
    await using visitor = await english();
    await visitor.goTo('/clusters/orders');
    await logIn(visitor);
    await visitor.page.getByText('Ready', { exact: true }).first().waitFor({ timeout: readyMs });
    await visitor.takePicture('cluster');
    const { instances } = await platform.cluster('orders');
    const standby = instances.find((instance) => instance.role === 'standby');
    assert(standby?.pid, 'the standby has a server');
    process.kill(standby.pid, 'SIGKILL');
    await visitor.page
      .getByText('Degraded', { exact: true })
      .or(visitor.page.getByText('Unavailable', { exact: true }))
      .first()
      .waitFor();
    await visitor.page.getByText('Ready', { exact: true }).first().waitFor({ timeout: readyMs });
  });

  it('lists both clusters with their topology and health, also on a phone', async () => {
    await using visitor = await english();
    await visitor.goTo('/clusters');
    await logIn(visitor);
    await visitor.page.getByRole('img', { name: /Primary and one standby/ }).waitFor();
    await visitor.link('ledger').waitFor();
    await visitor.takePicture('clusters');
    await visitor.page.setViewportSize({ width: 390, height: 844 });
    await visitor.link('orders').waitFor();
    await visitor.fitsTheWindow();
    await visitor.link('orders').click();
    await visitor.heading('Topology').waitFor();
    await visitor.fitsTheWindow();
    await visitor.takePicture('cluster-phone');
  });

  it('switches language and appearance without a reload', async () => {
    await using visitor = await english();
    await visitor.goTo('/operations');
    await logIn(visitor);
    await visitor.heading('Operations').waitFor();
    await visitor.button(/^Language/).click();
    await visitor.page.getByRole('menuitem', { name: '简体中文' }).click();
    await visitor.heading('操作').waitFor();
    await visitor.button(/^外观/).click();
    await visitor.page.getByRole('menuitem', { name: '深色' }).click();
    assert.equal(await visitor.page.locator('html').getAttribute('data-theme'), 'dark');
    assert.equal(await visitor.page.locator('html').getAttribute('lang'), 'zh-CN');
  });

  it('keeps the last state and says so while the platform is away, and recovers by itself', async () => {
    await using visitor = await english();
    await visitor.goTo('/clusters/ledger');
    await logIn(visitor);
    await visitor.page.getByRole('status').getByText('Live').waitFor();
    await visitor.text('Read-write endpoint').waitFor();
    const port = new URL(platform.url).port;
    await platform.kill();
    await visitor.text(/The platform has not answered since/).waitFor();
    await visitor.text('Read-write endpoint').waitFor();
    platform.options.splice(platform.options.indexOf('--port'), 2, '--port', port);
    await platform.start();
    await visitor.page.getByRole('status').getByText('Live').waitFor({ timeout: readyMs });
  });

  it('deletes only after the name is typed, and brings the cluster back', async () => {
    await using visitor = await english();
    await visitor.goTo('/clusters/ledger');
    await logIn(visitor);
    await visitor.button('Delete cluster').click();
    const dialog = visitor.page.getByRole('dialog');
    const confirm = dialog.getByRole('button', { name: 'Delete', exact: true });
    assert(await confirm.isDisabled(), 'nothing is deleted by one click');
    await dialog.getByLabel('Type ledger to confirm').fill('ledge');
    assert(await confirm.isDisabled(), 'nor by a mistyped name');
    await dialog.getByLabel('Type ledger to confirm').fill('ledger');
    await confirm.click();
    await visitor.heading('This cluster is deleted').waitFor({ timeout: readyMs });
    await visitor.takePicture('cluster-deleted');
    await visitor.link('Clusters').first().click();
    await visitor.page.getByRole('switch', { name: 'Show deleted' }).click();
    await visitor.button('Undelete ledger').click();
    await visitor.page.getByText('Ready', { exact: true }).first().waitFor({ timeout: readyMs });
  });

  it('makes an API token that is shown once and can be revoked', async () => {
    await using visitor = await english();
    await visitor.goTo('/settings/tokens');
    await logIn(visitor);
    await visitor.field('Name').fill('nightly job');
    await visitor.button('Create token').click();
    await visitor.text('Token “nightly job” created').waitFor();
    await visitor.takePicture('settings-tokens');
    await visitor.button('Revoke nightly job').click();
    await visitor.page.getByRole('dialog').getByRole('button', { name: 'Revoke' }).click();
    await visitor.button('Revoke nightly job').waitFor({ state: 'detached' });
  });
});
