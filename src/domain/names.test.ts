import assert from 'node:assert/strict';
import { it } from 'node:test';
import { applicationUser, clusterNameProblem } from './names.ts';

it('names the application account after the cluster, unless an engine or the platform has that name', () => {
  assert.equal(applicationUser('web-orders'), 'web_orders');
  assert.equal(applicationUser('pg-orders'), 'app_pg_orders');
  assert.equal(applicationUser('mooring-repl'), 'app_mooring_repl');
  assert.equal(applicationUser('public'), 'app_public');
  assert.equal(applicationUser('root'), 'app_root');
  assert.equal(applicationUser(`pg-${'x'.repeat(37)}`).length, 32);
});

it('refuses names of databases that exist already', () => {
  for (const name of ['mysql', 'performance-schema', 'mooring-spare']) {
    assert.match(clusterNameProblem(name) ?? '', /reserved/);
  }
  assert.equal(clusterNameProblem('pg-orders'), undefined);
});
