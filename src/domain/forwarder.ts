/** What a forwarder is started with: one process per cluster holds the cluster's endpoint addresses. */

export type EndpointPurpose = 'readWrite' | 'readOnly';

/** Kept as forwarder.json (0600) in the forwarder's home; read again whenever the feed is lost. */
export type ForwarderLaunch = {
  clusterId: string;
  clusterName: string;
  endpoints: { purpose: EndpointPurpose; host: string; port: number }[];
  /** Where the topology feed is, and the token that may read this cluster's part of it. */
  feedUrl: string;
  feedToken: string;
};
