/**
 * A person at the console, as the tests tell the story: what they see is named by role and text, never
 * by class or position. Collects everything that a page must not do: errors, requests to elsewhere.
 */
import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Browser, BrowserContext, Locator, Page } from 'playwright-core';

const screenshots = process.env.MOORING_SCREENSHOTS;
const screenshotDirectory = join(import.meta.dirname, '../../docs/screenshots');

export type Look = {
  locale: 'en-GB' | 'zh-CN';
  colorScheme?: 'light' | 'dark';
  width?: number;
};

export class Visitor {
  readonly page: Page;
  readonly #context: BrowserContext;
  readonly #origin: string;
  readonly complaints: string[] = [];

  constructor(context: BrowserContext, page: Page, origin: string) {
    this.#context = context;
    this.page = page;
    this.#origin = origin;
    page.on('pageerror', (error) => this.complaints.push(`page error: ${error.message}`));
    page.on('request', (request) => {
      if (!request.url().startsWith(origin)) this.complaints.push(`request to elsewhere: ${request.url()}`);
    });
    page.on('console', (message) => {
      if (/Content Security Policy/i.test(message.text())) this.complaints.push(message.text());
    });
  }

  static async arrive(browser: Browser, origin: string, look: Look): Promise<Visitor> {
    const context = await browser.newContext({
      locale: look.locale,
      colorScheme: look.colorScheme ?? 'light',
      viewport: { width: look.width ?? 1280, height: 900 },
      reducedMotion: 'reduce',
    });
    const page = await context.newPage();
    page.setDefaultTimeout(20_000);
    return new Visitor(context, page, origin);
  }

  async goTo(path: string): Promise<void> {
    await this.page.goto(`${this.#origin}${path}`);
  }

  button(name: string | RegExp): Locator {
    return this.page.getByRole('button', { name });
  }

  link(name: string | RegExp): Locator {
    return this.page.getByRole('link', { name });
  }

  field(label: string): Locator {
    return this.page.getByLabel(label, { exact: true });
  }

  text(text: string | RegExp): Locator {
    return this.page.getByText(text);
  }

  heading(name: string | RegExp): Locator {
    return this.page.getByRole('heading', { name });
  }

  async choose(card: string): Promise<void> {
    await this.page.getByRole('radio', { name: card, exact: true }).check();
  }

  /** Only when asked for with MOORING_SCREENSHOTS: pictures for the documentation. */
  async takePicture(name: string): Promise<void> {
    if (screenshots === undefined || screenshots === '') return;
    await mkdir(screenshotDirectory, { recursive: true });
    await this.page.evaluate('window.scrollTo(0, 0)');
    await this.page.screenshot({ path: join(screenshotDirectory, `${name}.png`), fullPage: true });
  }

  async fitsTheWindow(): Promise<void> {
    const beyond = await this.page.evaluate<number>(
      'document.documentElement.scrollWidth - window.innerWidth',
    );
    assert(beyond <= 0, `the page is ${beyond} px wider than the window at ${this.page.url()}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#context.close();
    assert.deepEqual(this.complaints, [], 'the console neither fails nor talks to others');
  }
}
