/** Every file of the corpus goes in and comes out again: its metadata, its frames, its instance, its original. */
import type { DataElement, DataSet } from '../../src/dicom/data-set.ts'
import { dicomJsonText, toDicomJson } from '../../src/dicom/dicom-json.ts'
import { readPart10, Unreadable } from '../../src/dicom/reader.ts'
import { transferSyntax } from '../../src/dicom/transfer-syntax.ts'
import { readPixelMap } from '../../src/dicom/pixel-map.ts'
import { corpusFile, corpusPaths, describeCorpus } from '../dicom/corpus.ts'
import { startWorld, type World } from '../world.ts'
import { bytesOf, sha256 } from '../http/parts.ts'

type Read = ReturnType<typeof readPart10>

interface Stored {
  readonly path: string
  readonly bytes: Buffer
  readonly read: Read
  /** Address of the instance. */
  readonly at: string
}

function readOrNull(bytes: Buffer): Read | null {
  try {
    return readPart10(bytes)
  } catch (error) {
    if (error instanceof Unreadable) return null
    throw error
  }
}

/** Where native pixel data lies in a file of this syntax, found by its tag alone; null where it is not at the end. */
function nativePixels(bytes: Buffer, TransferSyntaxUID: string): Buffer | null {
  const isBig = transferSyntax(TransferSyntaxUID)?.bigEndian === true
  const tag = isBig ? Buffer.of(0x7f, 0xe0, 0, 0x10) : Buffer.of(0xe0, 0x7f, 0x10, 0)
  for (let at = bytes.lastIndexOf(tag); at > 0; at = bytes.lastIndexOf(tag, at - 1)) {
    const isExplicit = /^O[BW]\0\0$/u.test(bytes.toString('latin1', at + 4, at + 8))
    const lengthAt = at + (isExplicit ? 8 : 4)
    if (lengthAt + 4 > bytes.length) continue
    const length = isBig ? bytes.readUInt32BE(lengthAt) : bytes.readUInt32LE(lengthAt)
    if (lengthAt + 4 + length !== bytes.length) continue
    const value = Buffer.from(bytes.subarray(lengthAt + 4))
    return isBig && bytes.toString('latin1', at + 4, at + 6) === 'OW' ? value.swap16() : value
  }
  return null
}

/** A data set without the places of its values, which a rewrite changes. */
function withoutPlaces(dataSet: DataSet): unknown {
  const element = ({ offset, ...rest }: DataElement): unknown => {
    if (rest.vr !== 'SQ') return { ...rest, isBulk: offset !== undefined }
    const items = (rest.Value ?? []) as (DataSet | null)[]
    return { ...rest, Value: items.map((item) => withoutPlaces(item ?? {})) }
  }
  return Object.fromEntries(Object.entries(dataSet).map(([tag, one]) => [tag, element(one)]))
}

describeCorpus('the corpus', () => {
  let world: World
  const stored: Stored[] = []

  beforeAll(async () => {
    world = await startWorld()
    for (const path of corpusPaths()) {
      const bytes = corpusFile(path)
      const read = readOrNull(bytes)
      const answer = await world.stow([bytes])
      expect([path, answer.status < 500]).toEqual([path, true])
      if (read === null || answer.status >= 400) continue
      const { study, series, instance } = read.uids
      const known = (await world.archive.database.index.known([instance])).get(instance)
      // Of two files of one instance the first is kept.
      if (known?.fileSha256 !== sha256(bytes)) continue
      const at = `/dicomweb/studies/${study}/series/${series}/instances/${instance}`
      if (!stored.some((one) => one.at === at)) stored.push({ path, bytes, read, at })
    }
  }, 120_000)
  afterAll(() => world[Symbol.asyncDispose]())

  it('is stored', () => {
    expect(stored.length).toBeGreaterThan(250)
  })

  it('comes back bit for bit', async () => {
    for (const { path, bytes, at } of stored) {
      const answer = await world.get(`${at}/original`)
      expect([path, answer.status, sha256(answer.body)]).toEqual([path, 200, sha256(bytes)])
    }
  }, 60_000)

  it('has the metadata that the reader reads', async () => {
    for (const { path, read, at } of stored) {
      const answer = await world.get(`${at}/metadata`, { Accept: 'application/dicom+json' })
      const pixels = read.pixelMap ? { pixels: readPixelMap(read.pixelMap) } : {}
      const uri = (where: readonly string[]) => `${world.url}${at}/bulkdata/${where.join('/')}`
      const json = toDicomJson(read.dataSet, uri, pixels)
      expect([path, answer.text]).toEqual([path, `[${dicomJsonText(json)}]`])
    }
  }, 60_000)

  it('has bulk data behind every address that metadata names', async () => {
    let followed = 0
    for (const { path, at } of stored) {
      const { text } = await world.get(`${at}/metadata`)
      for (const [, address = ''] of text.matchAll(/"BulkDataURI":"([^"]+)"/gu)) {
        if (address.endsWith('/7FE00010')) continue
        const answer = await world.get(new URL(address).pathname)
        expect([path, address, answer.status, answer.body.length > 0]).toEqual([path, address, 200, true])
        followed++
      }
    }
    expect(followed).toBeGreaterThan(30)
  }, 60_000)

  it('has the frames that the file has', async () => {
    let compared = 0
    for (const { path, bytes, read, at } of stored) {
      const { TransferSyntaxUID, dataSet, damaged } = read
      const syntax = transferSyntax(TransferSyntaxUID)
      if (syntax === undefined || syntax.encapsulated || syntax.deflated || damaged) continue
      const number = (tag: string, otherwise: number) => Number(dataSet[tag]?.Value?.[0] ?? otherwise)
      const bits =
        number('00280010', 0) * number('00280011', 0) * number('00280002', 1) * number('00280100', 0)
      const value = nativePixels(bytes, TransferSyntaxUID)
      if (value === null || bits === 0 || bits % 8 !== 0) continue
      const frames = number('00280008', 1) || 1
      const size = bits / 8
      if (value.length < size * frames) continue
      for (const n of new Set([1, Math.ceil(frames / 2), frames])) {
        const answer = await world.get(`${at}/frames/${n}`)
        const [frame = Buffer.alloc(0)] = bytesOf(answer)
        expect([path, n, frame.equals(value.subarray((n - 1) * size, n * size))]).toEqual([path, n, true])
        compared++
      }
    }
    expect(compared).toBeGreaterThan(100)
  }, 60_000)

  it('has compressed frames in bytes of the file', async () => {
    let compared = 0
    for (const { path, bytes, read, at } of stored) {
      if (transferSyntax(read.TransferSyntaxUID)?.encapsulated !== true || !read.pixelMap) continue
      const answer = await world.get(`${at}/frames/1`)
      expect([path, [200, 404]]).toEqual([path, expect.arrayContaining([answer.status])])
      if (answer.status !== 200) {
        expect([path, read.damaged || readPixelMap(read.pixelMap).layout === 'none']).toEqual([path, true])
        continue
      }
      const [frame = Buffer.alloc(0)] = bytesOf(answer)
      // At most the first fragment, for a frame of several.
      const head = frame.subarray(0, 1024)
      expect([path, frame.length > 0, bytes.includes(head)]).toEqual([path, true, true])
      compared++
    }
    expect(compared).toBeGreaterThan(50)
  }, 60_000)

  it('reads the same after it has left as an instance', async () => {
    for (const { path, bytes, read, at } of stored) {
      const answer = await world.get(at, {
        Accept: 'multipart/related; type="application/dicom"; transfer-syntax=*',
      })
      const [file = Buffer.alloc(0)] = bytesOf(answer)
      const again = readPart10(file)
      const isServed = transferSyntax(read.TransferSyntaxUID)?.web !== false
      const isWhole = bytes.toString('latin1', 128, 132) === 'DICM' && bytes.toString('latin1', 0, 2) !== 'MZ'
      if (isServed && isWhole) expect([path, sha256(file)]).toEqual([path, sha256(bytes)])
      else expect([path, withoutPlaces(again.dataSet)]).toEqual([path, withoutPlaces(read.dataSet)])
      expect([path, again.uids]).toEqual([path, read.uids])
    }
  }, 60_000)
})
