/** Pictures with text burnt in, and with colour profiles (PS3.18 §8.3.5.1). */
import sharp from 'sharp'
import { ct, secondaryCapture, type Sample } from '../samples.ts'
import { startWorld, type World } from '../world.ts'

const at = ({ uids: { study, series, instance } }: Sample) =>
  `/dicomweb/studies/${study}/series/${series}/instances/${instance}`
const SIZE = 256
const grey = ct(
  { Rows: SIZE, Columns: SIZE, PatientName: 'Doe^<b>Jane</b> & Co', PatientID: 'A-1', SliceThickness: 5 },
  { pixels: { vr: 'OW', bytes: Buffer.alloc(SIZE * SIZE * 2, 0x40) } },
)
const colours = { SamplesPerPixel: 3, PhotometricInterpretation: 'RGB', PlanarConfiguration: 0 }
const rgb = { Rows: 16, Columns: 16, BitsAllocated: 8, BitsStored: 8, HighBit: 7, ...colours }
const red = { pixels: { vr: 'OB', bytes: Buffer.alloc(16 * 16 * 3).fill(Buffer.of(200, 30, 20)) } } as const
const plain = secondaryCapture(rgb, red)

let world: World
let wide: Sample
let slide: Sample
let broken: Sample
let profile: Buffer
beforeAll(async () => {
  world = await startWorld()
  const tagged = sharp({ create: { width: 1, height: 1, channels: 3, background: '#000' } })
  profile =
    (await sharp(await tagged.withIccProfile('p3').png().toBuffer()).metadata()).icc ?? Buffer.alloc(0)
  wide = secondaryCapture({ ...rgb, ICCProfile: profile }, red)
  slide = secondaryCapture(
    { ...rgb, OpticalPathSequence: [{ OpticalPathIdentifier: '1', ICCProfile: profile }] },
    red,
  )
  broken = secondaryCapture({ ...rgb, ICCProfile: Buffer.from('no profile at all'.repeat(20)) }, red)
  await world.store(grey, plain, wide, slide, broken)
})
afterAll(() => world[Symbol.asyncDispose]())

async function rows(query: string, path = `${at(grey)}/rendered`) {
  const answer = await world.get(path + query, { Accept: 'image/png' })
  expect(answer.status).toBe(200)
  expect((await sharp(answer.body).metadata()).channels).toBe(1)
  const { data, info } = await sharp(answer.body)
    .toColourspace('b-w')
    .raw()
    .toBuffer({ resolveWithObject: true })
  expect([info.width, info.height, info.channels]).toEqual([SIZE, SIZE, 1])
  const isWritten = (row: number) => new Set(data.subarray(row * SIZE, (row + 1) * SIZE)).size > 2
  return {
    top: [...Array(SIZE / 2).keys()].filter(isWritten).length,
    bottom: [...Array(SIZE / 2).keys()].filter((row) => isWritten(SIZE / 2 + row)).length,
    answer,
  }
}

describe('annotation', () => {
  it('is burnt in where it is asked for: the patient at the top, technique at the bottom', async () => {
    expect(await rows('')).toMatchObject({ top: 0, bottom: 0 })
    const patient = await rows('?annotation=patient')
    expect([patient.top > 20, patient.bottom]).toEqual([true, 0])
    const technique = await rows('?annotation=technique')
    expect([technique.top, technique.bottom > 20]).toEqual([0, true])
    const both = await rows('?annotation=technique%2Cpatient')
    expect([both.top, both.bottom]).toEqual([patient.top, technique.bottom])
    expect(both.answer.headers.warning).toBeUndefined()
  })

  it('is told of where a value is not known, and given without it', async () => {
    const { answer, top } = await rows('?annotation=patient,star%22sign')
    expect(top).toBeGreaterThan(20)
    expect(answer.headers.warning).toBe(
      `299 ${world.settings.publicUrl} "The following annotation values are not supported: starsign"`,
    )
  })

  it('is told of a few where many are not known: clients take no headers of such a length', async () => {
    const many = Array.from({ length: 2000 }, (_, n) => `value-${n}`)
    const { answer } = await rows(`?annotation=${many.join()}`)
    expect(answer.headers.warning).toContain('value-0, value-1,')
    expect(answer.headers.warning?.length).toBeLessThan(1000)
  })

  it('is nothing where no letter of it has a shape', async () => {
    // The filler of Hangul syllables.
    const others = { PatientID: undefined, PatientBirthDate: undefined, PatientSex: undefined }
    const blank = ct({ ...others, PatientName: '\u3164' })
    await world.store(blank)
    const picture = async (query: string) => {
      const answer = await world.get(`${at(blank)}/rendered${query}`, { Accept: 'image/png' })
      expect(answer.status).toBe(200)
      return answer.body
    }
    expect(await picture('?annotation=patient')).toEqual(await picture(''))
  })

  it('never stands on a thumbnail, fits on small pictures, and is had by URI too', async () => {
    const thumbnail = async (query: string) =>
      (await world.get(`${at(grey)}/thumbnail${query}`, { Accept: 'image/png' })).body
    expect(await thumbnail('?annotation=patient')).toEqual(await thumbnail(''))
    const small = await world.get(`${at(grey)}/rendered?annotation=patient,technique&viewport=8,8`)
    expect(await sharp(small.body).metadata()).toMatchObject({ width: 8, height: 8 })
    const { study, series, instance } = grey.uids
    const uri = `/dicomweb/wado?requestType=WADO&studyUID=${study}&seriesUID=${series}&objectUID=${instance}`
    const byUri = await rows('&annotation=patient', uri)
    expect(byUri.top).toBe((await rows('?annotation=patient')).top)
  })
})

describe('iccprofile', () => {
  async function picture(one: Sample, query: string, media = 'image/png') {
    const answer = await world.get(`${at(one)}/rendered${query}`, { Accept: media })
    expect(answer.status).toBe(200)
    const { icc } = await sharp(answer.body).metadata()
    const raw = await sharp(answer.body, { ignoreIcc: true }).raw().toBuffer()
    return { icc, pixel: [...raw.subarray(0, 3)] }
  }
  const STORED = [200, 30, 20]

  it('no, or nothing: samples as they are, and no profile', async () => {
    for (const query of ['', '?iccprofile=no']) {
      expect(await picture(wide, query)).toEqual({ icc: undefined, pixel: STORED })
    }
  })

  it.each(['image/png', 'image/jpeg'])(
    'yes: samples as they are, with the profile of the image, %s',
    async (media) => {
      for (const one of [wide, slide]) {
        const { icc, pixel } = await picture(one, '?iccprofile=yes&quality=100', media)
        expect(icc).toEqual(profile)
        for (const [at, value] of pixel.entries()) expect(Math.abs(value - STORED[at]!)).toBeLessThan(3)
      }
    },
  )

  it.each([() => plain, () => broken])(
    'yes: that of sRGB where the image has none, or none that is one',
    async (one) => {
      const { icc, pixel } = await picture(one(), '?iccprofile=yes')
      expect(icc?.toString('latin1')).toContain('s\0R\0G\0B')
      expect(pixel).toEqual(STORED)
    },
  )

  it('srgb: samples of that space, with its profile', async () => {
    const srgb = await picture(wide, '?iccprofile=srgb')
    expect(srgb.icc?.toString('latin1')).toContain('s\0R\0G\0B')
    // The same red has more of it in the narrower space.
    expect(srgb.pixel[0]).toBeGreaterThan(210)
    expect(srgb.pixel[1]).toBeLessThan(30)
  })

  it('is nothing to grey pictures and to GIF', async () => {
    expect((await picture(grey, '?iccprofile=yes')).icc).toBeUndefined()
    expect((await picture(wide, '?iccprofile=yes', 'image/gif')).icc).toBeUndefined()
  })

  it.each(['adobergb', 'displayp3', 'x', ''])('refuses what is not at hand: %s', async (value) => {
    const answer = await world.get(`${at(plain)}/rendered?iccprofile=${value}`)
    expect([answer.status, answer.text.includes('no, yes, srgb')]).toEqual([400, true])
  })
})
