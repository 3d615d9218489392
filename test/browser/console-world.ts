/** A service with the studies of the demo, and a browser in front of it. */
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { fhirAdminRoutes } from '../../src/http/fhir-admin.ts'
import { startWorld, type World, type WorldOptions } from '../world.ts'
import { launchBrowser, openPage } from './harness.ts'

export interface ConsoleWorld extends AsyncDisposable {
  readonly world: World
  readonly browser: Browser
  /** Opens the console at an address behind `#`; whatever a page does that it must not, fails `expectNoFaults`. */
  open(hash?: string, options?: BrowserContextOptions): Promise<Page>
  expectNoFaults(): void
}

export async function startConsole(options: WorldOptions = {}): Promise<ConsoleWorld> {
  const world = await startWorld({
    ...options,
    more: (archive) => [
      { at: '', router: fhirAdminRoutes(archive, null), access: 'admin' },
      ...(options.more?.(archive) ?? []),
    ],
  })
  const browser = await launchBrowser()
  const faults: string[][] = []
  const prefix = new URL(world.settings.publicUrl).pathname.replace(/\/$/, '')
  return {
    world,
    browser,
    async open(hash = '', contextOptions = {}) {
      const opened = await openPage(browser, [new URL(world.url).origin], contextOptions)
      faults.push(opened.faults)
      await opened.page.goto(`${world.url}${prefix}/${hash}`)
      return opened.page
    },
    expectNoFaults() {
      expect(faults.flat()).toEqual([])
    },
    async [Symbol.asyncDispose]() {
      await browser.close()
      await world[Symbol.asyncDispose]()
    },
  }
}

let files: Promise<readonly Buffer[]> | undefined

/** Stores what the demo stores. */
export async function storeDemo(world: World): Promise<void> {
  files ??= demoFiles()
  await world.store(...(await files))
}

/** Made in a thread of plain Node: in the contexts that jest runs tests in, arithmetic is fifty times slower. */
async function demoFiles(): Promise<readonly Buffer[]> {
  const worker = new Worker(new URL('./demo-worker.ts', import.meta.url))
  const [made] = (await once(worker, 'message')) as [readonly Uint8Array[]]
  return made.map((bytes) => Buffer.from(bytes))
}
