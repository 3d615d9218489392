/** The console for everybody: axe-core finds nothing serious, in light and dark, and nothing is cut off on a phone. */
import { source } from 'axe-core'
import { startConsole, storeDemo, type ConsoleWorld } from './console-world.ts'
import { describeInBrowser, shot } from './harness.ts'

const HEAD = '2.25.17431255572143872538059874849316723885'
const PLACES = [
  ['search', '', '.hit'],
  ['found', '#/search/series?Modality=CT&SliceThickness=5', '.hit'],
  ['nothing', '#/search/series?Modality=XX', '.empty'],
  ['study', `#/study/${HEAD}`, '.panel .badge, .panel p'],
  ['status', '#/status', '.rate'],
  ['upload', '#/upload', '.dropzone'],
] as const

interface Violation {
  readonly id: string
  readonly impact: string
  readonly nodes: readonly { readonly html: string; readonly failureSummary: string }[]
}

describeInBrowser('the console is for everybody', () => {
  let console: ConsoleWorld
  beforeAll(async () => {
    console = await startConsole()
    await storeDemo(console.world)
    await console.world.archive.database.attention.raise({
      reason: 'dead',
      study: HEAD,
      detail: { status: 422 },
    })
  })
  afterAll(() => console[Symbol.asyncDispose]())

  for (const colorScheme of ['light', 'dark'] as const) {
    it.each(PLACES)(`has no serious fault by axe-core: %s, ${colorScheme}`, async (name, hash, sign) => {
      const page = await console.open(hash, { colorScheme })
      await page.locator(sign).first().waitFor()
      await shot(page, `${name}-${colorScheme}`)
      expect(await violations(page)).toEqual([])
      await page.context().close()
    })

    it(`has none in an instance, or with completions open, ${colorScheme}`, async () => {
      const page = await console.open(`#/study/${HEAD}`, { colorScheme })
      await page.getByRole('link', { name: 'Report' }).click()
      await page.getByText('Content Sequence').click()
      await page.getByText('Item 1').filter({ visible: true }).first().waitFor()
      await shot(page, `instance-${colorScheme}`)
      expect(await violations(page)).toEqual([])
      await page.getByRole('link', { name: 'Search' }).click()
      await page.getByRole('combobox').fill('modal')
      await page.getByRole('option').first().waitFor()
      await page.keyboard.press('ArrowDown')
      expect(await violations(page)).toEqual([])
      await page.context().close()
    })
  }

  it.each(PLACES)('fits the width of a phone: %s', async (name, hash, sign) => {
    const page = await console.open(hash, { viewport: { width: 360, height: 740 }, hasTouch: true })
    await page.locator(sign).first().waitFor()
    await shot(page, `${name}-phone`)
    expect(await page.evaluate<number>('document.documentElement.scrollWidth')).toBeLessThanOrEqual(360)
    await page.context().close()
  })

  it('fits the width of a phone: an instance', async () => {
    const page = await console.open(`#/study/${HEAD}`, { viewport: { width: 360, height: 1600 } })
    await page.getByRole('link', { name: 'Brain 5.0 mm' }).click()
    await page.getByText('Window Center').waitFor()
    await shot(page, 'instance-phone')
    expect(await page.evaluate<number>('document.documentElement.scrollWidth')).toBeLessThanOrEqual(360)
  })
})

/** What axe-core (WCAG 2.2 A and AA, and best practices) finds of impact serious or critical. */
async function violations(page: Awaited<ReturnType<ConsoleWorld['open']>>): Promise<string[]> {
  await page.evaluate(source)
  const found = await page.evaluate<readonly Violation[]>('axe.run().then(({ violations }) => violations)')
  return found
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => `${id}: ${html}\n${failureSummary}`))
}
