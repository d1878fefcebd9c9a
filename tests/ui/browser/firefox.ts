/** Debian's Firefox, driven over WebDriver BiDi, which Playwright speaks with its own builds alone. */
import puppeteer, { type Browser, type Page } from "puppeteer-core";
import type { Person } from "../world/people";

export class Firefox {
  /** What the page complained about. */
  readonly errors: string[] = [];

  private constructor(
    readonly browser: Browser,
    readonly page: Page,
  ) {
    page.on("pageerror", (error) => this.errors.push(String(error)));
    page.on("console", (message) => {
      if (message.type() === "error") this.errors.push(message.text());
    });
  }

  static async enter(person: Person): Promise<Firefox> {
    const browser = await puppeteer.launch({
      browser: "firefox",
      executablePath: process.env.SOTTO_FIREFOX ?? "/usr/bin/firefox-esr",
      headless: true,
    });
    const firefox = new Firefox(browser, await browser.newPage());
    await firefox.page.goto(await person.address());
    return firefox;
  }

  async says(text: string): Promise<void> {
    const field = await this.page.waitForSelector('textarea[aria-label="Message"]', { timeout: 20_000 });
    await field?.type(text);
    await this.page.keyboard.press("Enter");
  }

  async sees(text: string): Promise<void> {
    await this.page.waitForFunction(
      (wanted) => [...document.querySelectorAll("article")].some(({ textContent }) => textContent?.includes(wanted)),
      { timeout: 20_000 },
      text,
    );
  }

  async leave(): Promise<void> {
    await this.browser.close();
  }
}
