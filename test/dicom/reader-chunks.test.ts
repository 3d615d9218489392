import fc from 'fast-check'
import { deflateRawSync } from 'node:zlib'
import type { ParsedInstance } from '../../src/dicom/data-set.ts'
import { createPart10Reader, readPart10, Unreadable } from '../../src/dicom/reader.ts'
import { corpusFile, corpusPaths, describeCorpus } from './corpus.ts'
import {
  DEFLATED,
  element,
  header,
  identity,
  IMPLICIT,
  instance,
  item,
  JPEG,
  LITTLE,
  part10,
  sequence,
  tagBytes,
  u16,
  u32,
  UNDEFINED,
} from './part10-bytes.ts'

/** What came of a file, in a form that can be compared. */
function outcome(read: () => ParsedInstance): unknown {
  try {
    const { pixelMap, ...rest } = read()
    return { ...(JSON.parse(JSON.stringify(rest)) as object), pixelMap: pixelMap?.toString('hex') ?? null }
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error
    return { reason: error.reason, message: error.message }
  }
}

function inChunks(bytes: Buffer, sizes: readonly number[]): unknown {
  return outcome(() => {
    const reader = createPart10Reader()
    let at = 0
    for (let turn = 0; at < bytes.length; turn++) {
      const size = sizes[turn % sizes.length] ?? 1
      reader.push(Buffer.from(bytes.subarray(at, at + size)))
      at += size
    }
    return reader.end()
  })
}

const code = (implicit = false): Buffer => element('00080100', 'SH', 'CODE', { implicit })
const pixels = Buffer.concat([element('00280010', 'US', u16(4)), element('00280011', 'US', u16(4))])
const fragments = (...parts: readonly Buffer[]): Buffer =>
  sequence('7FE00010', [item(Buffer.alloc(0)), ...parts.map((part) => item(part))], {
    vr: 'OB',
    delimited: true,
  })

/** Small files with every kind of structure in them. */
const SAMPLES: Readonly<Record<string, Buffer>> = {
  'explicit with native pixels and padding': part10(
    Buffer.concat([
      ...identity(),
      pixels,
      element('7FE00010', 'OW', Buffer.alloc(32, 9)),
      element('FFFCFFFC', 'OB', Buffer.alloc(20)),
    ]),
  ),
  'explicit with sequences': instance([
    sequence('00081140', [item(code(), true), item(code())], { delimited: true }),
    sequence('00091010', [item(code(true), true)], { vr: 'UN', delimited: true }),
    element('00091020', 'OB', Buffer.alloc(1500, 3)),
    element('00100010', 'PN', 'A^B=C'),
  ]),
  implicit: part10(
    Buffer.concat([
      ...identity({}, { implicit: true }),
      sequence('00401012', [item(code(true))], { implicit: true }),
    ]),
    IMPLICIT,
  ),
  encapsulated: part10(
    Buffer.concat([
      ...identity(),
      pixels,
      fragments(Buffer.alloc(20, 1), Buffer.alloc(2, 2), Buffer.alloc(70, 3)),
    ]),
    JPEG,
  ),
  deflated: part10(
    deflateRawSync(Buffer.concat([...identity(), element('00091020', 'OB', Buffer.alloc(150_000, 3))])),
    DEFLATED,
  ),
  'bare data set': Buffer.concat([...identity(), element('00204000', 'LT', 'x'.repeat(200))]),
}
const sample = fc.constantFrom(...Object.keys(SAMPLES)).map((name) => SAMPLES[name]!)

describe('the reader fed in chunks', () => {
  it.each(Object.keys(SAMPLES))('reads the same from single bytes: %s', (name) => {
    const bytes = SAMPLES[name]!
    const whole = outcome(() => readPart10(bytes))
    expect(whole).toMatchObject({ uids: { instance: '1.2.3.4' } })
    expect(inChunks(bytes, [1])).toEqual(whole)
  })

  it('reads the same from chunks of any size', () => {
    fc.assert(
      fc.property(
        sample,
        fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 20 }),
        (bytes, sizes) => {
          expect(inChunks(bytes, sizes)).toEqual(outcome(() => readPart10(bytes)))
        },
      ),
    )
  })

  it.each(Object.keys(SAMPLES))('cut anywhere is read or refused, whatever the chunks: %s', (name) => {
    const bytes = SAMPLES[name]!
    for (let length = 0; length < bytes.length; length++) {
      const cut = bytes.subarray(0, length)
      expect(inChunks(cut, [7, 64])).toEqual(outcome(() => readPart10(cut)))
    }
  })

  it('says once what stands behind the data set, wherever a chunk ends', () => {
    const bytes = Buffer.from(SAMPLES['encapsulated']!)
    // The second fragment claims to reach into the third, where no item begins then, nor an element.
    bytes[bytes.lastIndexOf(tagBytes('FFFEE000')) - 6] = 65
    const whole = outcome(() => readPart10(bytes))
    for (let size = 1; size < 40; size++) expect(inChunks(bytes, [size])).toEqual(whole)
  })

  it('with bytes changed is read or refused', () => {
    const change = fc.record({ at: fc.nat(), byte: fc.nat(255) })
    fc.assert(
      fc.property(sample, fc.array(change, { minLength: 1, maxLength: 8 }), (bytes, changes) => {
        const changed = Buffer.from(bytes)
        for (const { at, byte } of changes) changed[at % changed.length] = byte
        expect(inChunks(changed, [13])).toEqual(outcome(() => readPart10(changed)))
      }),
      { numRuns: 2000 },
    )
  })

  it('of random elements is read or refused', () => {
    const letters = fc.constantFrom(
      'OB',
      'SQ',
      'UN',
      'LO',
      'PN',
      'DS',
      'US',
      'FD',
      'UT',
      'AT',
      'ZZ',
      '??',
      '\0\0',
    )
    const tags = fc.constantFrom(
      '00080005',
      '00080100',
      '00091010',
      '00190010',
      '00281201',
      '7FE00010',
      'FFFEE000',
      'FFFEE00D',
      'FFFEE0DD',
    )
    const lengths = fc.oneof(fc.nat(40), fc.constantFrom(UNDEFINED, 0xfffffffe, 70_000))
    const piece = fc.oneof(
      fc
        .tuple(tags, letters, lengths)
        .map(([tag, vr, length]) =>
          length > 0xffff && !['OB', 'SQ', 'UN', 'UT'].includes(vr)
            ? Buffer.concat([tagBytes(tag), u32(length)])
            : header(tag, vr, length),
        ),
      fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
    )
    fc.assert(
      fc.property(
        fc.array(piece, { maxLength: 30 }),
        fc.constantFrom(LITTLE, IMPLICIT, JPEG),
        (pieces, uid) => {
          const bytes = part10(
            Buffer.concat([...identity({}, { implicit: uid === IMPLICIT }), ...pieces]),
            uid,
          )
          expect(inChunks(bytes, [11, 3])).toEqual(outcome(() => readPart10(bytes)))
        },
      ),
      { numRuns: 1000 },
    )
  })

  it('tells where the data set begins once group 0002 is over', () => {
    const reader = createPart10Reader()
    const bytes = SAMPLES['explicit with sequences']!
    const { dataSetOffset } = readPart10(bytes)
    reader.push(bytes.subarray(0, dataSetOffset))
    expect(reader.dataSetOffset).toBeUndefined()
    reader.push(bytes.subarray(dataSetOffset, dataSetOffset + 12))
    expect(reader.dataSetOffset).toBe(dataSetOffset)
  })

  it('passes over a gigabyte of pixel data without holding it', () => {
    const reader = createPart10Reader()
    const length = 1 << 30
    reader.push(part10(Buffer.concat([...identity(), header('7FE00010', 'OW', length)])))
    const chunk = Buffer.alloc(1 << 20)
    const before = process.memoryUsage.rss()
    for (let sent = 0; sent < length; sent += chunk.length) reader.push(chunk)
    expect(process.memoryUsage.rss() - before).toBeLessThan(64 * 1024 * 1024)
    expect(reader.end()).toMatchObject({ damaged: false, oddities: [] })
  })

  it('takes a million fragments within seconds, and a long text in small chunks', () => {
    const fragment = item(Buffer.alloc(4, 1))
    const start = part10(
      Buffer.concat([...identity(), header('7FE00010', 'OB', UNDEFINED), item(Buffer.alloc(0))]),
      JPEG,
    )
    const reader = createPart10Reader()
    reader.push(start)
    const thousand = Buffer.concat(Array.from({ length: 1000 }, () => fragment))
    const before = process.cpuUsage()
    for (let sent = 0; sent < 1000; sent++) reader.push(thousand)
    reader.push(Buffer.concat([tagBytes('FFFEE0DD'), u32(0)]))
    expect(reader.end().damaged).toBe(false)
    const slow = instance([element('00091010', 'UT', Buffer.alloc(4_000_000, 'x'))])
    expect(inChunks(slow, [100])).toMatchObject({ size: slow.length })
    expect(process.cpuUsage(before).user / 1000).toBeLessThan(10_000)
  })
})

describeCorpus('the reader and files of the corpus in pieces', () => {
  it('reads every file the same from chunks of uneven size', () => {
    for (const path of corpusPaths()) {
      const bytes = corpusFile(path)
      expect({ path, read: inChunks(bytes, [1000, 17, 4096, 3]) }).toEqual({
        path,
        read: outcome(() => readPart10(bytes)),
      })
    }
  })

  it('reads or refuses every file cut short', () => {
    for (const path of corpusPaths()) {
      const bytes = corpusFile(path)
      const step = Math.max(1, Math.floor(bytes.length / 20)) + 1
      for (let length = 0; length < bytes.length; length += step)
        outcome(() => readPart10(bytes.subarray(0, length)))
    }
    expect(corpusPaths().length).toBeGreaterThan(300)
  })
})
