/** The mark: a line moored between a filled and an open ring, as a primary and its standby. */
export function Brand() {
  return (
    <span className="brand">
      <svg width="26" height="26" viewBox="0 0 32 32" aria-hidden="true">
        <rect width="32" height="32" rx="8" className="brand-tile" />
        <path d="M7 10.5 Q16 29 25 10.5" className="brand-rope" />
        <circle cx="7" cy="10.5" r="3.6" className="brand-primary" />
        <circle cx="25" cy="10.5" r="2.8" className="brand-standby" />
      </svg>
      <span>Mooring</span>
    </span>
  );
}
