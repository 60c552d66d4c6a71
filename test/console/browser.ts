/** The system's Chromium, driven by Playwright. There is none on some machines; then tests are skipped. */
import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';

const places = [process.env.MOORING_CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser'];

export const chromiumPath: string | undefined = places.find((path) => path !== undefined && existsSync(path));

/** A sentence for `skip`, or false when there is a browser. */
export const skipWithoutChromium: string | false =
  chromiumPath === undefined
    ? 'no Chromium here: install it (apt-get install chromium) or name it with MOORING_CHROMIUM'
    : false;

export function launchChromium(): Promise<Browser> {
  return chromium.launch({
    executablePath: chromiumPath,
    args: [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}
