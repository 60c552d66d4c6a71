/** Failure domains: host inside zone inside region. */
export type Host = {
  id: string;
  zone: string;
  region: string;
  /** The address on which this host's instances listen. */
  address: string;
};
