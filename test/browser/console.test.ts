/** The console in a real browser: what people do with it. */
import { createHash } from 'node:crypto'
import { ct } from '../samples.ts'
import { startConsole, storeDemo, type ConsoleWorld } from './console-world.ts'
import { describeInBrowser, shot } from './harness.ts'

const HEAD = '2.25.17431255572143872538059874849316723885'

describeInBrowser('the console', () => {
  let console: ConsoleWorld
  beforeAll(async () => {
    console = await startConsole({
      settings: { viewerUrl: 'https://viewer.example.org/viewer?StudyInstanceUIDs={study}' },
    })
    await storeDemo(console.world)
  })
  afterAll(() => console[Symbol.asyncDispose]())
  afterEach(() => console.expectNoFaults())

  it('finds by a private tag, and shows why', async () => {
    const page = await console.open()
    await page.getByRole('combobox').fill('0019xx01;CONCORD DEMO 01=*Shepp*')
    await page.keyboard.press('Enter')
    const hits = page.locator('.hit')
    await hits.first().waitFor()
    await page.getByText('1 study', { exact: false }).waitFor()
    expect(await hits.count()).toBe(1)
    expect(await hits.innerText()).toContain('Beispiel, Ada')
    expect(await hits.innerText()).toContain('phantom after Shepp and Logan')
    await page.getByText('Instances', { exact: true }).click()
    await page.getByText('24 instances').waitFor()
    await shot(page, 'search-private')
    expect(page.url()).toContain('#/search/instances?0019xx01%3BCONCORD%20DEMO%2001=*Shepp*')
  })

  it('completes keywords, and explains what may be written behind them', async () => {
    const page = await console.open()
    const box = page.getByRole('combobox')
    await box.fill('studyda')
    await page.getByRole('option', { name: 'StudyDate' }).waitFor()
    await shot(page, 'search-completion')
    await page.keyboard.press('ArrowDown')
    expect(await box.getAttribute('aria-activedescendant')).not.toBeNull()
    await page.keyboard.press('Enter')
    expect(await box.inputValue()).toBe('StudyDate=')
    await page.getByText('from one to the other, both included').waitFor()
    await page.keyboard.type('20260501-20260502')
    await page.keyboard.press('Enter')
    await page.getByText('2 studies').waitFor()
    await page.keyboard.press('Backspace')
    expect(await box.inputValue()).toBe('StudyDate=20260501-20260502')
    await page.getByText('5 studies').waitFor()
  })

  it('goes into sequences by dotted paths', async () => {
    const page = await console.open('#/search/instances')
    await page.getByRole('combobox').fill('contentsequence')
    await page.keyboard.press('Enter')
    await page.keyboard.type('textv')
    await page.keyboard.press('Enter')
    await page.keyboard.type('*ellipses*')
    await page.keyboard.press('Enter')
    await page.getByText('1 instance').waitFor()
    expect(await page.locator('.hit').innerText()).toContain('A head of eleven ellipses')
  })

  it('takes a bare word for a name, and says what the service says of nonsense', async () => {
    const page = await console.open()
    await page.getByRole('combobox').fill('jose')
    await page.keyboard.press('Enter')
    await page.getByText('2 studies').waitFor()
    await page.goto(`${console.world.url}/#/search/studies?Modallity=CT`)
    const said = page.getByRole('alert')
    await said.waitFor()
    expect(await said.innerText()).toContain('Did you mean Modality?')
  })

  it('asks again for the same, of everything or of some, and stays alive', async () => {
    const page = await console.open()
    for (const [typed, summary] of [
      ['', '5 studies'],
      ['Modality=CT', '1 study'],
      ['', '1 study'],
    ] as const) {
      const box = page.getByRole('combobox')
      await box.fill(typed)
      const asked = page.waitForRequest(/dicomweb\/studies\?/)
      await page.keyboard.press('Enter')
      await asked
      await page.getByText(summary).waitFor()
    }
    expect(page.url()).toContain('#/search/studies?Modality=CT')
    // What is on its way out takes no click.
    await page.locator('.hit a').first().click()
    await page.getByRole('heading', { level: 1, name: 'Beispiel, Ada' }).waitFor()
  })

  it('opens a study, its series, and every tag of an instance', async () => {
    const page = await console.open(`#/study/${HEAD}`)
    await page.getByRole('heading', { level: 1, name: 'Beispiel, Ada' }).waitFor()
    expect(await page.getByRole('link', { name: 'Open in viewer' }).getAttribute('href')).toBe(
      `https://viewer.example.org/viewer?StudyInstanceUIDs=${HEAD}`,
    )
    await page.getByText('No FHIR server is configured').first().waitFor()
    await shot(page, 'study-overview')
    await page.getByRole('link', { name: 'Report' }).click()
    await page.getByText('Content Sequence').waitFor()
    await page.getByPlaceholder(/^Search in \d+ tags/).fill('haemorrhage')
    await page.getByText('A head of eleven ellipses. No haemorrhage, no fracture.', { exact: true }).waitFor()
    await page.getByLabel('Report', { exact: true }).filter({ hasText: 'Completion: COMPLETE' }).waitFor()
    expect(await page.getByText('Modality', { exact: true }).count()).toBe(0)
    await shot(page, 'study-tags')
  })

  it('searches from a tag, a private one too', async () => {
    const page = await console.open(`#/study/${HEAD}`)
    await page.getByRole('link', { name: 'Brain 5.0 mm' }).click()
    await page.getByRole('link', { name: 'Instance 7', exact: true }).click()
    await page.getByPlaceholder(/^Search in \d+ tags/).fill('Shepp')
    await page.getByText('Private, of CONCORD DEMO 01').waitFor()
    await page.getByRole('link', { name: 'find studies with this 0019xx01;CONCORD DEMO 01' }).click()
    await page.getByText('1 study').waitFor()
    expect(page.url()).toContain('0019xx01%3BCONCORD%20DEMO%2001')
  })

  it('draws where an instance came from, and compares its bytes', async () => {
    const page = await console.open(`#/study/${HEAD}`)
    await page.getByRole('link', { name: 'Brain 5.0 mm' }).click()
    await page.getByRole('heading', { name: 'Lineage' }).waitFor()
    await page.getByRole('button', { name: 'Read the bytes and compare' }).click()
    await page.getByText('the same bytes as received').waitFor()
    expect(await page.locator('.steps').innerText()).toContain('The FHIR server has not been told yet.')
    await shot(page, 'instance')
  })

  it('pages through what it found', async () => {
    const page = await console.open('#/search/instances')
    await page.getByText('53 instances').waitFor()
    expect(await page.locator('.hit').count()).toBe(25)
    await page.getByRole('button', { name: '25 more' }).click()
    await page.locator('.hit').nth(49).waitFor()
    await page.getByRole('button', { name: '25 more' }).click()
    await page.locator('.hit').nth(52).waitFor()
    expect(await page.getByRole('button', { name: '25 more' }).count()).toBe(0)
  })

  it('has every row once, however often more is asked for', async () => {
    const page = await console.open('#/search/instances')
    const more = page.getByRole('button', { name: '25 more' })
    await more.waitFor()
    const answer = Promise.withResolvers<null>()
    await page.route(/dicomweb\/instances\?.*after=/, async (route) => {
      await answer.promise
      await route.continue()
    })
    for (let click = 0; click < 3; click++) await more.click({ noWaitAfter: true })
    answer.resolve(null)
    await page.locator('.hit').nth(49).waitFor()
    await page.getByRole('button', { name: '25 more' }).click()
    await page.locator('.hit').nth(52).waitFor()
    const links = await page.locator('.hit-title').all()
    const rows = await Promise.all(links.map((link) => link.getAttribute('href')))
    expect([rows.length, new Set(rows).size]).toEqual([53, 53])
  })

  it('leads by keyboard alone from the box to a study and back to another search', async () => {
    const page = await console.open()
    await page.locator('.hit').first().waitFor()
    await page.keyboard.type('yamada')
    await page.keyboard.press('Enter')
    await page.getByText('1 study').waitFor()
    const focused = page.locator(':focus')
    for (let step = 0; (await focused.getAttribute('class')) !== 'hit-title'; step++) {
      expect(step).toBeLessThan(12)
      await page.keyboard.press('Tab')
    }
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { level: 1, name: 'Yamada, Hanako 山田 花子' }).waitFor()
    // What comes next is what the new page begins with.
    expect(await focused.getAttribute('id')).toBe('main')
    await page.keyboard.press('Tab')
    expect(await focused.innerText()).toBe('Open in viewer')
    await page.keyboard.press('Tab')
    await page.keyboard.press('Enter')
    await page.getByText('1 study').waitFor()
    expect(page.url()).toContain('PatientID=DEMO-1003')
  })

  it('changes level by the arrow keys', async () => {
    const page = await console.open('#/search/studies')
    await page.getByText('5 studies').waitFor()
    await page.getByRole('radio', { name: 'Studies' }).focus()
    await page.keyboard.press('ArrowRight')
    await page.getByText('8 series').waitFor()
    expect(page.url()).toContain('#/search/series')
  })
})

describeInBrowser('the console, storing', () => {
  let console: ConsoleWorld
  beforeAll(async () => {
    console = await startConsole()
  })
  afterAll(() => console[Symbol.asyncDispose]())
  afterEach(() => console.expectNoFaults())

  it('uploads files, and tells of each what became of it', async () => {
    const page = await console.open('#/upload')
    const sample = ct({ PatientName: 'Upload^Ursula', StudyDescription: 'By hand' })
    await page.getByLabel('Files', { exact: true }).setInputFiles([
      { name: 'slice.dcm', mimeType: 'application/dicom', buffer: sample.bytes },
      { name: 'letter.txt', mimeType: 'text/plain', buffer: Buffer.from('Dear colleague') },
    ])
    await page.getByText('1 stored').waitFor()
    await page.getByText('1 refused').waitFor()
    expect(await page.getByRole('listitem').filter({ hasText: 'slice.dcm' }).innerText()).toContain('stored')
    const refused = page.getByRole('listitem').filter({ hasText: 'letter.txt' })
    expect(await refused.innerText()).toContain('refused')
    await shot(page, 'upload')
    await page.getByRole('link', { name: 'Open the study' }).click()
    await page.getByRole('heading', { level: 1, name: 'Upload, Ursula' }).waitFor()
  })

  it('shows markup in names as the text that it is', async () => {
    const evil = '<script>alert(1)</script>'
    const sample = ct({
      SpecificCharacterSet: 'ISO_IR 192',
      PatientName: `${evil}^<b>x</b>`,
      PatientID: '"><svg onload=alert(2)>',
      StudyDescription: '<img src=x onerror="alert(3)">',
      SeriesDescription: '{{7*7}}<iframe>',
      '00191001': { vr: 'LO', Value: ['javascript:alert(4)'] },
      '00190010': { vr: 'LO', Value: ['<i>EVIL</i>'] },
    })
    await console.world.store(sample)
    const page = await console.open('#/search/studies?PatientID=*svg*')
    await page.getByText(evil, { exact: false }).first().waitFor()
    await page.getByText('<img src=x onerror="alert(3)">').first().waitFor()
    await page.locator('.hit-title').click()
    await page.getByRole('heading', { level: 1 }).waitFor()
    expect(await page.getByRole('heading', { level: 1 }).innerText()).toContain(evil)
    await page.getByRole('link', { name: '{{7*7}}<iframe>' }).click()
    await page.getByText('Private, of <i>EVIL</i>').waitFor()
    await shot(page, 'markup')
    expect(await page.locator('img[src="x"], iframe, main script, b, i').count()).toBe(0)
  })

  it('tells how the service is, and closes what was looked at', async () => {
    await console.world.archive.database.attention.raise({
      reason: 'mixed-patients',
      study: '1.2.3.4',
      detail: { patients: 2 },
    })
    const page = await console.open('#/status')
    await page.getByText('ready', { exact: true }).waitFor()
    await page.getByText('Instances of one study name different patients.').waitFor()
    // The text file of above.
    await page.getByText('C000', { exact: true }).waitFor()
    await page.getByText('instances a second').waitFor()
    await page.getByText('No FHIR server is configured').waitFor()
    const archive = page.getByRole('region', { name: 'Archive' })
    expect(await archive.innerText()).toMatch(/2\s+instances/)
    await shot(page, 'status')
    await page.getByRole('button', { name: 'Dealt with' }).click()
    await page.getByText('Nothing.', { exact: true }).waitFor()
    expect(await console.world.archive.database.attention.list({ open: true, limit: 9 })).toEqual([])
  })
})

describeInBrowser('the console, elsewhere', () => {
  it('asks for a token where one is needed, keeps it in the tab, and sends it', async () => {
    const token = 'reader-reader-reader-reader'
    const sha256 = createHash('sha256').update(token).digest()
    await using console = await startConsole({
      settings: { tokens: [{ name: 'doctor', roles: new Set(['read']), sha256 }] },
    })
    const page = await console.open('#/search/patients')
    await page.getByLabel('Token').fill('not the token of anybody')
    await page.keyboard.press('Enter')
    await page.getByText('The token is not one that is known here.').waitFor()
    await page.getByLabel('Token').fill(token)
    await page.keyboard.press('Enter')
    await page.getByText('Nothing is stored yet.').waitFor()
    await page.getByRole('link', { name: 'Status' }).click()
    await page.getByText('For administrators.').first().waitFor()
    await page.reload()
    await page.getByRole('heading', { name: 'Status' }).waitFor()
    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.getByLabel('Token').waitFor()
    console.expectNoFaults()
  })

  it('stands behind a proxy under a path of its own', async () => {
    await using console = await startConsole({
      settings: { publicUrl: 'http://pacs.example.org/imaging/concord', allowedHosts: ['127.0.0.1'] },
    })
    await storeDemo(console.world)
    const page = await console.open('#/search/instances')
    await page.getByText('53 instances').waitFor()
    await page.getByRole('button', { name: '25 more' }).click()
    await page.locator('.hit').nth(49).waitFor()
    await page.getByRole('link', { name: 'Status' }).click()
    await page.getByText('ready', { exact: true }).waitFor()
    expect(new URL(page.url()).pathname).toBe('/imaging/concord/')
    console.expectNoFaults()
  })
})
