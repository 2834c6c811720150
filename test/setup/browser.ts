/** How every test starts Chromium. */
export const browserArgs: readonly string[] = [
  // A container's root can't have Chromium's sandbox; the pages are ours.
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]
