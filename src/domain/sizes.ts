/** Sizes: what one instance may use. Drivers turn them into engine settings. */

export type Size = 'small' | 'medium' | 'large';

export type SizeOffer = {
  size: Size;
  /** MiB of memory that one instance may use, server and all its sessions. */
  memoryMb: number;
  maxConnections: number;
  /** GiB of its volume. */
  diskGb: number;
  cpus: number;
};

export const sizeOffers = {
  small: { size: 'small', memoryMb: 512, maxConnections: 100, diskGb: 10, cpus: 1 },
  medium: { size: 'medium', memoryMb: 2048, maxConnections: 400, diskGb: 50, cpus: 2 },
  large: { size: 'large', memoryMb: 8192, maxConnections: 1000, diskGb: 200, cpus: 4 },
} as const satisfies Record<Size, SizeOffer>;

export const sizes = Object.keys(sizeOffers) as Size[];
