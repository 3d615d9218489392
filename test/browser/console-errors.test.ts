/** What the console says when something is wrong: with what was typed, with what was sent, or with the service. */
import type { Page } from 'playwright-core'
import type { Archive } from '../../src/archive/archive.ts'
import { Problem } from '../../src/problem.ts'
import { ct } from '../samples.ts'
import { startConsole, storeDemo, type ConsoleWorld } from './console-world.ts'
import { describeInBrowser, shot } from './harness.ts'

const AWAY = 'The service cannot be reached.'

describeInBrowser('the console, when something is wrong', () => {
  let console: ConsoleWorld
  const blobs: { fault: string | undefined } = { fault: undefined }
  beforeAll(async () => {
    const check = (archive: Archive) => () =>
      blobs.fault === undefined
        ? archive.blobs.check()
        : Promise.reject(new Problem('unavailable', blobs.fault))
    console = await startConsole({
      through: (archive) => ({ ...archive, blobs: { ...archive.blobs, check: check(archive) } }),
    })
    await storeDemo(console.world)
  })
  afterAll(() => console[Symbol.asyncDispose]())
  afterEach(() => console.expectNoFaults())

  /** As if the service were gone, until the function that comes back is called. */
  async function takeAway(page: Page): Promise<() => Promise<void>> {
    const everything = /\/(dicomweb|admin|health|metrics|openapi)/
    await page.route(everything, (route) => route.abort('connectionrefused'))
    return () => page.unroute(everything)
  }

  it.each([
    ['search/studies?Modalty=CT', 'Did you mean Modality?', 'typo'],
    ['search/studies?StudyDate=yesterday', 'The match key "StudyDate" has VR DA', 'bad-value'],
    ['study/1.2.3.4', 'The archive has no study with this UID', 'no-study'],
    ['search/studies?PatientName=Beispil', 'write * where more may stand', 'nothing-whole'],
  ])('tells what is wrong with %s', async (place, words, name) => {
    const page = await console.open(`#/${place}`)
    await page.getByText(words).waitFor()
    expect(await page.locator('.hit').count()).toBe(0)
    await shot(page, `wrong-${name}`)
    await page.context().close()
  })

  it('gives no advice that was followed already', async () => {
    const page = await console.open('#/search/studies?PatientName=*Beispil*')
    await page.getByText('Nothing matches all of that.').waitFor()
    expect(await page.getByText('write * where more may stand').count()).toBe(0)
    await page.context().close()
  })

  it('asks again for what it found no service for', async () => {
    const page = await console.open('#/upload')
    const bringBack = await takeAway(page)
    await page.getByRole('link', { name: 'Search' }).click()
    await page.getByText(AWAY).waitFor()
    await shot(page, 'away-search')
    await bringBack()
    await page.getByRole('button', { name: 'Try again' }).click()
    await page.getByText('5 studies').waitFor()
    expect(await page.getByText(AWAY).count()).toBe(0)
    await page.context().close()
  })

  it('says once on the status page that there is no service, and goes on by itself', async () => {
    const page = await console.open('#/search/studies')
    await page.getByText('5 studies').waitFor()
    const bringBack = await takeAway(page)
    await page.getByRole('link', { name: 'Status' }).click()
    await page.getByText('It is asked again every 5 seconds.').waitFor()
    expect(await page.getByText(AWAY).count()).toBe(1)
    await shot(page, 'away-status')
    await bringBack()
    await page.getByText('It stores and finds.').waitFor()
    await page.getByRole('heading', { name: 'FHIR server' }).waitFor()
    await page.context().close()
  })

  it('names on the status page what the service has not got', async () => {
    const page = await console.open('#/status')
    await page.getByText('It stores and finds.').waitFor()
    blobs.fault = 'The disk is gone.'
    await page.getByText('Index: ok.').waitFor()
    expect(await page.locator('.health').innerText()).toBe('not ready Index: ok. Blobs: The disk is gone.')
    blobs.fault = undefined
    await page.getByText('It stores and finds.').waitFor()
    await page.context().close()
  })

  it('sends files again that had no answer', async () => {
    const page = await console.open('#/upload')
    const bringBack = await takeAway(page)
    const { bytes } = ct({ PatientName: 'Later^Laura' })
    await page
      .getByLabel('Files', { exact: true })
      .setInputFiles([{ name: 'late.dcm', mimeType: 'application/dicom', buffer: bytes }])
    await page.getByText('1 without answer').waitFor()
    await shot(page, 'away-upload')
    await bringBack()
    await page.getByRole('button', { name: 'Send those again' }).click()
    await page.getByText('1 stored').waitFor()
    expect(await console.world.qido('/studies?PatientName=Later*')).toHaveLength(1)
    await page.context().close()
  })

  it('has the tags of an instance in their order', async () => {
    const [row] = await console.world.qido('/series?Modality=SEG')
    const [study, series] = ['0020000D', '0020000E'].map((tag) => row?.[tag]?.Value?.[0] as string)
    const page = await console.open(`#/study/${study}/${series}`)
    await page.getByText('Per Frame Functional Groups Sequence').waitFor()
    const top = page.locator('.tags > .tag-list > li')
    const numbers = await top.locator('> .tag-number, > details > summary > .tag-number').allInnerTexts()
    expect(numbers.length).toBeGreaterThan(40)
    expect(numbers).toEqual(numbers.toSorted())
    await page.context().close()
  })
})
