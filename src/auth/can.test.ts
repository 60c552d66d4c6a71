import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Action, actions, can, mustBeAble } from './can.ts';

const ours = { teamId: 'team-ours' };
const theirs = { teamId: 'team-theirs' };
const actorWith = (role: 'owner' | 'member' | 'viewer') => ({
  administrator: false,
  teams: [{ id: 'team-ours', name: 'ours', role }],
});
const administrator = { administrator: true, teams: [] };
const outsider = { administrator: false, teams: [] };

// Written out again on purpose: a change of the table must be made in two places.
const expected: Record<Action, { owner: boolean; member: boolean; viewer: boolean }> = {
  'cluster.see': { owner: true, member: true, viewer: true },
  'cluster.create': { owner: true, member: true, viewer: false },
  'cluster.restart': { owner: true, member: true, viewer: false },
  'cluster.delete': { owner: true, member: true, viewer: false },
  'cluster.undelete': { owner: true, member: true, viewer: false },
  'cluster.readPassword': { owner: true, member: true, viewer: false },
  'operation.cancel': { owner: true, member: true, viewer: false },
  'team.see': { owner: true, member: true, viewer: true },
  'team.manage': { owner: false, member: false, viewer: false },
  'user.manage': { owner: false, member: false, viewer: false },
  'audit.read': { owner: false, member: false, viewer: false },
};

describe('who may do what', () => {
  for (const action of actions) {
    for (const role of ['owner', 'member', 'viewer'] as const) {
      test(`a ${role} ${expected[action][role] ? 'may' : 'may not'} ${action} in the own team`, () => {
        assert.equal(can(actorWith(role), action, ours), expected[action][role]);
      });
    }
    test(`an owner may not ${action} in another team, nor on the platform`, () => {
      assert.equal(can(actorWith('owner'), action, theirs), false);
      assert.equal(can(actorWith('owner'), action, 'platform'), false);
    });
    test(`somebody without a team may not ${action}, an administrator may`, () => {
      assert.equal(can(outsider, action, ours), false);
      assert.equal(can(administrator, action, theirs), true);
      assert.equal(can(administrator, action, 'platform'), true);
    });
  }

  test('a refusal is "forbidden" and says whom to ask', () => {
    assert.throws(() => mustBeAble(actorWith('viewer'), 'cluster.delete', ours), {
      kind: 'forbidden',
      publicMessage: 'You may not delete clusters of this team',
    });
  });
});
