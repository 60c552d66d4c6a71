/** One handler per route; a route without one does not compile. */
import type { RouteName } from '../contract/routes.ts';
import type { Handler } from '../handler.ts';
import { audit } from './audit.ts';
import { cancelOperation } from './cancel-operation.ts';
import { catalogue } from './catalogue.ts';
import { changePassword } from './change-password.ts';
import { changes } from './changes.ts';
import { createCluster } from './create-cluster.ts';
import { createTeam } from './create-team.ts';
import { createToken } from './create-token.ts';
import { createUser } from './create-user.ts';
import { deleteCluster } from './delete-cluster.ts';
import { deleteToken } from './delete-token.ts';
import { deleteUser } from './delete-user.ts';
import { getAccount } from './get-account.ts';
import { getCluster } from './get-cluster.ts';
import { getOperation } from './get-operation.ts';
import { health } from './health.ts';
import { infrastructure } from './infrastructure.ts';
import { listClusters } from './list-clusters.ts';
import { listEvents } from './list-events.ts';
import { listOperations } from './list-operations.ts';
import { listTeams } from './list-teams.ts';
import { listTokens } from './list-tokens.ts';
import { listUsers } from './list-users.ts';
import { login } from './login.ts';
import { logout } from './logout.ts';
import { me } from './me.ts';
import { resetPassword } from './reset-password.ts';
import { restartCluster } from './restart-cluster.ts';
import { setQuota } from './set-quota.ts';
import { setTeamMember } from './set-team-member.ts';
import { topology } from './topology.ts';
import { undeleteCluster } from './undelete-cluster.ts';

export const handlers = {
  health,
  login,
  logout,
  me,
  changePassword,
  listTokens,
  createToken,
  deleteToken,
  listUsers,
  createUser,
  resetPassword,
  deleteUser,
  listTeams,
  createTeam,
  setQuota,
  setTeamMember,
  audit,
  catalogue,
  infrastructure,
  listClusters,
  createCluster,
  getCluster,
  getAccount,
  listEvents,
  restartCluster,
  deleteCluster,
  undeleteCluster,
  listOperations,
  getOperation,
  cancelOperation,
  changes,
  topology,
} satisfies { [N in RouteName]: Handler<N> };
