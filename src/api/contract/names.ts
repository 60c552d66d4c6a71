/** The rule for cluster names, for clients that want to check while a person types. */
export { clusterNamePattern, clusterNameProblem, clusterNameRule } from '../../domain/names.ts';
