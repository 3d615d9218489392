/**
 * OHIF, the viewer that hospitals use, as it comes built from npm, reads from Concord over CORS in a real browser.
 * It is fetched into the cache folder of this user; without a registry these tests are skipped and say so.
 */
import sharp from 'sharp'
import type { Browser, Locator, Page } from 'playwright-core'
import { fetchOhif, serveOhif, type Viewer } from '../../scripts/demo/ohif.ts'
import { fhirAdminRoutes } from '../../src/http/fhir-admin.ts'
import { ct } from '../samples.ts'
import { startWorld, type World } from '../world.ts'
import { storeDemo } from './console-world.ts'
import { describeInBrowser, launchBrowser, openPage, shot } from './harness.ts'

/** The first picture waits for 10 MB of scripts, and for WebGL drawn by a processor that others use too. */
const SLOW = 120_000
const UNKNOWN_WORDS = 'No study description'
const folder = await fetchOhif().catch((error: unknown) => {
  console.info(`skipped: no OHIF (${error instanceof Error ? error.message : String(error)})`)
  return undefined
})

;(folder === undefined ? describe.skip : describeInBrowser)('OHIF on Concord', () => {
  let world: World
  let viewer: Viewer
  let browser: Browser
  beforeAll(async () => {
    viewer = await serveOhif(folder ?? '', 0, () => `${world.url}/dicomweb`)
    world = await startWorld({
      settings: {
        corsOrigins: [viewer.url],
        viewerUrl: `${viewer.url}/viewer?StudyInstanceUIDs={study}`,
      },
      more: (archive) => [{ at: '', router: fhirAdminRoutes(archive, null), access: 'admin' }],
    })
    browser = await launchBrowser()
    await storeDemo(world)
    // Of its like one is enough to have OHIF 3.13 fail on its whole list, if it is answered with an empty list of modalities.
    await world.store(
      ct({ Modality: undefined, PatientName: 'Without^Modality', StudyDescription: UNKNOWN_WORDS }),
    )
  }, SLOW)
  afterAll(async () => {
    await browser.close()
    await viewer.stop()
    await world[Symbol.asyncDispose]()
  }, SLOW)

  /** Opens the viewer; `expectNoFaults` fails if anything was refused to it, or not found. */
  async function open(address: string): Promise<{ page: Page; expectNoFaults: () => void }> {
    const { page, faults } = await openPage(browser, [viewer.url, world.url])
    page.setDefaultTimeout(SLOW / 2)
    page.on('response', (response) => {
      if (response.status() >= 400) faults.push(`${response.status()} ${response.url()}`)
    })
    page.on('requestfailed', (request) => {
      const why = request.failure()?.errorText ?? ''
      // The viewer takes back what it needs no more.
      if (!why.includes('ERR_ABORTED')) faults.push(`${why} ${request.url()}`)
    })
    // Its guided tour would stand before the pictures.
    await page.addInitScript(`localStorage.setItem('shownTours', '["basicViewerTour"]')`)
    await page.goto(address.startsWith('/') ? viewer.url + address : address)
    return { page, expectNoFaults: () => expect(faults).toEqual([]) }
  }

  async function studyOf(description: string): Promise<string> {
    const [row] = await world.qido(`/studies?StudyDescription=${encodeURIComponent(description)}`)
    return row?.['0020000D']?.Value?.[0] as string
  }

  it(
    'lists every study with description and modalities, also one without any',
    async () => {
      const { page, expectNoFaults } = await open('/')
      await page.getByText('CT head without contrast').waitFor()
      await shot(page, 'ohif-list')
      const rows = await page.getByRole('row').allInnerTexts()
      const line = (words: string) => rows.find((row) => row.includes(words))?.replaceAll(/\s+/g, ' ')
      const [, modalities = ''] =
        /^Beispiel, Ada .* (\S+) CT head without contrast 26/.exec(line('CT head without contrast') ?? '') ??
        []
      expect(modalities.split('\\').toSorted()).toEqual(['CT', 'SEG', 'SR'])
      expect(line('MR brain')).toMatch(/Ejemplo, José .*MR MR brain 24/)
      expect(line('Echocardiography')).toMatch(/US Echocardiography 1/)
      expect(line(UNKNOWN_WORDS)).toContain('Without, Modality')
      expectNoFaults()
    },
    SLOW,
  )

  it.each([
    ['CT head without contrast', 'ohif-ct', /Brain 5.0 mm/],
    ['MR brain', 'ohif-mr', /t1 tse tra/],
    ['Chest PA', 'ohif-cr', /PA/],
    ['Echocardiography', 'ohif-us', /Apical view/],
    ['Test card', 'ohif-colour', /Colour bars/],
  ])(
    'shows a picture: %s',
    async (description, name, series) => {
      const { page, expectNoFaults } = await open(`/viewer?StudyInstanceUIDs=${await studyOf(description)}`)
      await page.getByText(series).first().waitFor()
      const canvas = page.locator('.cornerstone-canvas').first()
      await canvas.waitFor()
      const levels = await untilDrawn(canvas)
      await shot(page, name)
      expect(levels).toBeGreaterThan(20)
      expectNoFaults()
      await page.context().close()
    },
    SLOW,
  )

  it(
    'is where the console opens a study',
    async () => {
      const study = await studyOf('Chest PA')
      const { page, expectNoFaults } = await open(`${world.url}/#/study/${study}`)
      const opened = page.waitForEvent('popup')
      await page.getByRole('link', { name: 'Open in viewer' }).click()
      const canvas = (await opened).locator('.cornerstone-canvas').first()
      await canvas.waitFor()
      expect(await untilDrawn(canvas)).toBeGreaterThan(20)
      expectNoFaults()
      await page.context().close()
    },
    SLOW,
  )

  it(
    'plays a loop of many frames: another frame is another picture',
    async () => {
      const study = await studyOf('Echocardiography')
      const { page, expectNoFaults } = await open(`/viewer?StudyInstanceUIDs=${study}`)
      const canvas = page.locator('.cornerstone-canvas').first()
      await canvas.waitFor()
      await untilDrawn(canvas)
      const first = await pictureOf(canvas)
      await canvas.hover()
      for (let step = 0; step < 8; step++) await page.mouse.wheel(0, 100)
      await expectSoon(async () => !(await pictureOf(canvas)).equals(first))
      await shot(page, 'ohif-us-later')
      expectNoFaults()
      await page.context().close()
    },
    SLOW,
  )

  it(
    'shows the words of a report',
    async () => {
      const study = await studyOf('CT head without contrast')
      const { page, expectNoFaults } = await open(`/viewer?StudyInstanceUIDs=${study}`)
      await page.locator('.cornerstone-canvas').first().waitFor()
      await page.getByText('Report').first().dblclick()
      await page.getByText('A head of eleven ellipses. No haemorrhage, no fracture.').waitFor()
      await shot(page, 'ohif-sr')
      expect(await page.getByText('Diagnostic imaging report').count()).toBe(1)
      expectNoFaults()
      await page.context().close()
    },
    SLOW,
  )

  it(
    'draws a segmentation on the pictures that it is of',
    async () => {
      const study = await studyOf('CT head without contrast')
      const { page, expectNoFaults } = await open(`/viewer?StudyInstanceUIDs=${study}`)
      const canvas = page.locator('.cornerstone-canvas').first()
      await canvas.waitFor()
      await untilDrawn(canvas)
      expect(await colouredPixels(canvas)).toBe(0)
      await page.getByText('Ventricles').first().dblclick()
      await page.getByText('Do you want to open this Segmentation?').waitFor()
      await page.getByText('Yes', { exact: true }).click()
      await expectSoon(async () => (await colouredPixels(canvas)) > 300)
      await shot(page, 'ohif-seg')
      expectNoFaults()
      await page.context().close()
    },
    SLOW,
  )
})

/** How many pixels of the middle of a picture are no grey. */
async function colouredPixels(canvas: Locator): Promise<number> {
  const picture = await pictureOf(canvas)
  let coloured = 0
  for (let at = 0; at < picture.length; at += 3) {
    const [red = 0, green = 0, blue = 0] = picture.subarray(at, at + 3)
    if (Math.max(red, green, blue) - Math.min(red, green, blue) > 40) coloured++
  }
  return coloured
}

/** Waits until the canvas shows more than an empty page; how many grey levels that is. */
async function untilDrawn(canvas: Locator): Promise<number> {
  let levels = 0
  await expectSoon(async () => {
    levels = await greyLevels(canvas)
    return levels > 20
  })
  return levels
}

/** How many different levels the green of the middle of a picture has: a blank one has one, a line or a word a few. */
async function greyLevels(canvas: Locator): Promise<number> {
  const picture = await pictureOf(canvas)
  return new Set(picture.filter((_, at) => at % 3 === 1)).size
}

/** The middle half of what stands on the screen, RGB pixel by pixel: the words in the corners are no picture. */
async function pictureOf(canvas: Locator): Promise<Buffer> {
  const shown = sharp(await canvas.screenshot())
  const { width, height } = await shown.metadata()
  const [left, top] = [Math.floor(width / 4), Math.floor(height / 4)]
  const middle = { left, top, width: Math.floor(width / 2), height: Math.floor(height / 2) }
  return shown.extract(middle).removeAlpha().raw().toBuffer()
}

/** Asks until it is so; a canvas that OHIF is just replacing is not so yet. */
async function expectSoon(condition: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + SLOW / 2
  const isReplaced = (error: unknown): false => {
    if (String(error).includes('not attached to the DOM')) return false
    throw error
  }
  while (!(await condition().catch(isReplaced))) {
    if (Date.now() > deadline) throw new Error('It did not come to be in time.')
    await new Promise((resolve) => setTimeout(resolve, 250))
  }
}
