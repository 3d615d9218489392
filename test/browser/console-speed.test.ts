/**
 * How quick the console is, as the browser measures it, on an archive of `CONSOLE_INSTANCES` (5,000 unless said
 * otherwise). The bounds are wide, for the machine may be busy; what was measured is printed.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import type { Browser, Page } from 'playwright-core'
import { describeInBrowser, launchBrowser, openPage } from './harness.ts'

const INSTANCES = process.env['CONSOLE_INSTANCES'] ?? '5000'
const FILLING_MS = 600_000

interface Timings {
  readonly firstContentfulPaint: number
  readonly largestContentfulPaint: number
  readonly layoutShift: number
  readonly longestTask: number
  readonly bytes: number
}

/** As web.dev defines them: first and largest contentful paint, cumulative layout shift, longest task, bytes moved. */
const OBSERVE = `
  window.seen = { largestContentfulPaint: 0, layoutShift: 0, longestTask: 0 }
  const watch = (type, see) => new PerformanceObserver((list) => list.getEntries().forEach(see)).observe({ type, buffered: true })
  watch('largest-contentful-paint', ({ startTime }) => (seen.largestContentfulPaint = startTime))
  watch('layout-shift', ({ value, hadRecentInput }) => hadRecentInput || (seen.layoutShift += value))
  watch('longtask', ({ duration }) => (seen.longestTask = Math.max(seen.longestTask, duration)))
`
const READ = `({
  ...window.seen,
  firstContentfulPaint: performance.getEntriesByName('first-contentful-paint')[0].startTime,
  bytes: [...performance.getEntriesByType('resource'), ...performance.getEntriesByType('navigation')]
    .reduce((sum, { transferSize }) => sum + transferSize, 0),
})`

describeInBrowser(`the console on ${INSTANCES} instances`, () => {
  let archive: ChildProcess
  let browser: Browser
  let url: string
  beforeAll(async () => {
    archive = spawn(process.execPath, ['scripts/run.cjs', 'test/browser/large-archive.ts', INSTANCES], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    if (archive.stdout === null) throw new Error('no output to read')
    const [line] = (await once(archive.stdout, 'data')) as [Buffer]
    url = line.toString().trim()
    browser = await launchBrowser()
  }, FILLING_MS)
  afterAll(async () => {
    await browser.close()
    const gone = once(archive, 'exit')
    archive.stdin?.end()
    await gone
  }, FILLING_MS)

  async function open(): Promise<Page> {
    const { page } = await openPage(browser, [url])
    await page.addInitScript(OBSERVE)
    await page.goto(url)
    await page.locator('.hit').nth(24).waitFor()
    return page
  }

  it('is drawn at once, and stays where it was drawn', async () => {
    // The first visit of a browser warms it up.
    await (await open()).context().close()
    const page = await open()
    await page.locator('.hit img').first().waitFor()
    const timings = await page.evaluate<Timings>(READ)
    console.info(JSON.stringify(timings))
    expect(timings.firstContentfulPaint).toBeLessThan(1000)
    expect(timings.largestContentfulPaint).toBeLessThan(2500)
    expect(timings.layoutShift).toBeLessThan(0.1)
    expect(timings.bytes).toBeLessThan(500_000)
  })

  it('opens a study while one looks', async () => {
    const page = await open()
    const hit = page.locator('.hit a').first()
    const began = performance.now()
    await hit.click()
    await page.locator('.study-head h1').waitFor()
    const words = performance.now() - began
    await page.locator('.card img').first().waitFor()
    const ms = performance.now() - began
    console.info(`a study: ${Math.round(words)} ms to its words, ${Math.round(ms)} ms to its pictures`)
    expect(ms).toBeLessThan(3000)
    await page.context().close()
  })

  it.each([
    ['PatientName=Nguyen*', 'studies'],
    ['Manufacturer=*Philips*', 'series'],
    ['PatientID=B-000003', 'instances'],
    ['0019xx01;CONCORD BENCH 01=private 3', 'series'],
  ])('answers %s at the level of %s while one looks', async (term, level) => {
    const page = await open()
    await page.goto(`${url}/#/search/${level}`)
    await page.locator('.summary').getByText(level).waitFor()
    await page.getByRole('combobox').fill(term)
    const began = performance.now()
    await page.keyboard.press('Enter')
    await page.waitForURL(/=/)
    // The old results stay, and say so, until the new ones are asked for.
    await page.locator('.results:not(.leaving) .summary').getByText(/ms/).waitFor()
    const ms = performance.now() - began
    console.info(`${term}: ${Math.round(ms)} ms to the eye; ${await page.locator('.summary').innerText()}`)
    expect(ms).toBeLessThan(2000)
    await page.context().close()
  })
})
