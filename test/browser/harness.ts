/**
 * Pages in a real browser: Debian's Chromium, without a window. Where there is none, these tests are skipped and say so.
 * With `SCREENSHOT_DIR` set, each `shot` leaves a picture there.
 */
import { existsSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { chromium, type Browser, type BrowserContextOptions, type Page } from 'playwright-core'

const EXECUTABLE = [process.env['CHROMIUM'], '/usr/bin/chromium', '/usr/bin/chromium-browser'].find(
  (path) => path !== undefined && existsSync(path),
)
if (EXECUTABLE === undefined) console.info('skipped: no chromium')

/** `describe` where there is a browser. */
export const describeInBrowser = EXECUTABLE === undefined ? describe.skip : describe

/** Root in a container has no sandbox; nothing is asked of anybody but of the pages under test. */
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]
/** WebGL drawn by the processor. */
const WEBGL = ['--use-angle=swiftshader', '--enable-unsafe-swiftshader', '--ignore-gpu-blocklist']

export function launchBrowser(): Promise<Browser> {
  return chromium.launch({ ...(EXECUTABLE && { executablePath: EXECUTABLE }), args: [...FLAGS, ...WEBGL] })
}

/** A page that notes what no page of ours may do. */
export interface WatchedPage {
  readonly page: Page
  /** Errors in the page, what its policy forbade, and requests to anybody but the origins that it may know. */
  readonly faults: string[]
}

/** A page in a context of its own, in 1280 × 800 unless options say otherwise. */
export async function openPage(
  browser: Browser,
  origins: readonly string[],
  options: BrowserContextOptions = {},
): Promise<WatchedPage> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options })
  const page = await context.newPage()
  page.setDefaultTimeout(15_000)
  const faults: string[] = []
  page.on('pageerror', (error) => faults.push(`error: ${error.message}`))
  page.on('dialog', (dialog) => {
    faults.push(`dialog: ${dialog.message()}`)
    void dialog.dismiss()
  })
  page.on('console', (message) => {
    // That a picture or a right is missing is no fault of the page.
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource'))
      faults.push(`console: ${message.text()}`)
  })
  page.on('request', (request) => {
    const { origin, protocol } = new URL(request.url())
    if (protocol.startsWith('http') && !origins.includes(origin)) faults.push(`request: ${request.url()}`)
  })
  return { page, faults }
}

/** Keeps a picture of the page where somebody wants to look at it. */
export async function shot(page: Page, name: string): Promise<void> {
  const folder = process.env['SCREENSHOT_DIR']
  if (folder === undefined || folder === '') return
  await mkdir(folder, { recursive: true })
  // Thumbnails are soon there; a page that always asks for something is taken as it is.
  await page.waitForLoadState('networkidle', { timeout: 3000 }).catch(() => undefined)
  await page.screenshot({ path: join(folder, `${name}.png`) })
}
