import fc from 'fast-check'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import type { DataElement, DataSet, ParsedInstance, Uid } from '../../src/dicom/data-set.ts'
import { frameStream, pixelStream, type OpenFile } from '../../src/dicom/frames.ts'
import { readPixelMap } from '../../src/dicom/pixel-map.ts'
import { readPart10 } from '../../src/dicom/reader.ts'
import { rewriteExplicitLittleEndian, type RewriteOptions } from '../../src/dicom/rewrite.ts'
import {
  DeflatedExplicitVRLittleEndian,
  ExplicitVRBigEndian,
  ExplicitVRLittleEndian,
  ImplicitVRLittleEndian,
  JPEGBaseline8Bit,
  transferSyntax,
} from '../../src/dicom/transfer-syntax.ts'
import {
  bare,
  ct,
  jpeg,
  mr,
  pdf,
  secondaryCapture,
  segmentation,
  sr,
  us,
  type SampleMaker,
} from '../samples.ts'
import { until } from '../until.ts'

const CORPUS = join(import.meta.dirname, '../../../shared/corpus')
const corpus = existsSync(CORPUS) ? it : it.skip
if (!existsSync(CORPUS)) console.info('skipped: no corpus')

const MAKERS: Readonly<Record<string, SampleMaker>> = { ct, mr, us, sr, segmentation, pdf, secondaryCapture }
const SYNTAXES = [
  ImplicitVRLittleEndian,
  ExplicitVRBigEndian,
  DeflatedExplicitVRLittleEndian,
  ExplicitVRLittleEndian,
]

function inPieces(bytes: Buffer, piece: number): Readable {
  const pieces = []
  for (let at = 0; at < bytes.length; at += piece) pieces.push(bytes.subarray(at, at + piece))
  return Readable.from(pieces, { objectMode: false })
}

function rewritten(bytes: Buffer, piece = 1000, options: RewriteOptions = {}): Promise<Buffer> {
  return buffer(rewriteExplicitLittleEndian(inPieces(bytes, piece), options))
}

/** The data set without what a rewrite may change: where long values begin. */
function comparable(dataSet: DataSet): Record<string, unknown> {
  const entries = Object.entries(dataSet).map(([tag, element]) => {
    if (element.vr !== 'SQ') return [tag, { ...element, ...(element.offset !== undefined && { offset: 0 }) }]
    return [tag, { vr: 'SQ', Value: ((element.Value ?? []) as DataSet[]).map(comparable) }]
  })
  return Object.fromEntries(entries) as Record<string, unknown>
}

async function allPixels(bytes: Buffer, { pixelMap }: ParsedInstance): Promise<Buffer | null> {
  const open: OpenFile = (extent) =>
    Promise.resolve(
      Readable.from([extent ? bytes.subarray(extent.offset, extent.offset + extent.length) : bytes], {
        objectMode: false,
      }),
    )
  return pixelMap && buffer(await pixelStream(open, readPixelMap(pixelMap)))
}

describe('a file rewritten as Explicit VR Little Endian', () => {
  it.each(Object.keys(MAKERS))(
    'of a %s has the same data set and pixels, however its bytes arrive',
    async (name) => {
      await fc.assert(
        fc.asyncProperty(
          fc.constantFrom(...SYNTAXES),
          fc.boolean(),
          fc.integer({ min: 1, max: 700 }),
          async (TransferSyntaxUID, undefinedLengths, piece) => {
            const original = (MAKERS[name] ?? ct)({}, { TransferSyntaxUID, undefinedLengths })
            const before = readPart10(original.bytes)

            const bytes = await rewritten(original.bytes, piece)
            const after = readPart10(bytes)

            expect(after.TransferSyntaxUID).toBe(ExplicitVRLittleEndian)
            expect(comparable(after.dataSet)).toEqual(comparable(before.dataSet))
            expect(after.oddities).toEqual([])
            expect(await allPixels(bytes, after)).toEqual(await allPixels(original.bytes, before))
          },
        ),
        { numRuns: 25 },
      )
    },
  )

  it('passes compressed files through, with their own transfer syntax', async () => {
    const original = jpeg({ NumberOfFrames: 3 })

    const bytes = await rewritten(original.bytes, 50)

    expect(readPart10(bytes).TransferSyntaxUID).toBe(JPEGBaseline8Bit)
    expect(bytes.subarray(-200)).toEqual(original.bytes.subarray(-200))
  })

  it('finds the VR of every standard element again, private ones stay bytes', async () => {
    const original = bare(
      {
        PixelRepresentation: 1,
        SmallestImagePixelValue: { vr: 'SS', Value: [-5] },
        ZeroVelocityPixelValue: { vr: 'SS', Value: [-7] },
        FrameIncrementPointer: '00181063',
        DisplayShadingFlag: 'ITEM',
        OverlayData: Buffer.alloc(3000, 0x12),
        LongCodeValue: 'L'.repeat(30),
        SelectorUVValue: { vr: 'UV', Value: [12345678901] },
        WaveformPaddingValue: Buffer.from('1234'),
        '00090010': { vr: 'LO', Value: ['SOMEBODY UNKNOWN'] },
        '00091001': { vr: 'UN', InlineBinary: Buffer.from('private!').toString('base64') },
        ReferencedImageSequence: [{ ReferencedSOPInstanceUID: '1.2.3' }, {}],
        RequestAttributesSequence: [],
      },
      { TransferSyntaxUID: ImplicitVRLittleEndian },
    )
    const before = readPart10(original.bytes)

    const after = readPart10(await rewritten(original.bytes, 3))

    expect(comparable(after.dataSet)).toEqual(comparable(before.dataSet))
    expect(after.dataSet['00189810']).toEqual({ vr: 'SS', Value: [-7] })
    expect(after.dataSet['00280106']).toEqual({ vr: 'SS', Value: [-5] })
    expect(after.dataSet['00091001']?.vr).toBe('UN')
  })

  it('writes text that 16 bits of length cannot hold as UN', async () => {
    const long = 'x'.repeat(70_000)
    const original = bare({ ImageComments: long }, { TransferSyntaxUID: ImplicitVRLittleEndian })

    const bytes = await rewritten(original.bytes)

    const header = Buffer.concat([
      Buffer.of(0x20, 0, 0, 0x40),
      Buffer.from('UN\0\0'),
      Buffer.of(0x70, 0x11, 1, 0),
    ])
    expect(bytes.includes(header)).toBe(true)
    expect(readPart10(bytes).dataSet['00204000']).toEqual({ vr: 'LT', Value: [long] })
  })

  it('keeps group 0002 but for the transfer syntax, counts it anew, and makes one where there is none', async () => {
    const meta: DataSet = { '00020016': { vr: 'AE', Value: ['SENDER'] } }
    const original = ct({}, { TransferSyntaxUID: ImplicitVRLittleEndian, meta })
    const { dataSetOffset, uids, SOPClassUID } = readPart10(original.bytes)
    const naked = original.bytes.subarray(dataSetOffset)

    const kept = readPart10(await rewritten(original.bytes))
    const made = readPart10(await rewritten(naked, 1000, { SOPClassUID, SOPInstanceUID: uids.instance }))

    expect(kept.meta['00020016']).toEqual(meta['00020016'])
    expect(kept.oddities).toEqual([])
    expect(made.meta['00020002']).toEqual({ vr: 'UI', Value: [SOPClassUID] })
    expect(made.meta['00020003']).toEqual({ vr: 'UI', Value: [uids.instance] })
    expect(made.oddities).toEqual([])
  })

  it('blanks a preamble that is a program, and keeps any other', async () => {
    const program = ct({}, { preamble: Buffer.alloc(128, 'MZ') })
    const tiff = ct({}, { preamble: Buffer.alloc(128, 'II*\0') })

    expect((await rewritten(program.bytes)).subarray(0, 128)).toEqual(Buffer.alloc(128))
    expect((await rewritten(tiff.bytes)).subarray(0, 128)).toEqual(Buffer.alloc(128, 'II*\0'))
  })

  it('lets pixel data through as it comes: what is held does not grow with the file', async () => {
    const SIZE = 64 * 1024 * 1024
    const { bytes } = ct(
      { Rows: 4096, Columns: 8192 },
      { TransferSyntaxUID: ExplicitVRBigEndian, pixels: { vr: 'OW', bytes: Buffer.alloc(2) } },
    )
    const head = Buffer.from(bytes.subarray(0, -2))
    head.writeUInt32BE(SIZE, head.length - 4)
    let produced = 0
    const source = new Readable({
      read() {
        const first = produced === 0
        produced += first ? 1 : 65_536
        this.push(first ? head : produced > SIZE + 1 ? null : Buffer.alloc(65_536))
      },
    })
    let taken = 0
    let ahead = 0
    for await (const chunk of rewriteExplicitLittleEndian(source) as AsyncIterable<Buffer>) {
      taken += chunk.length
      ahead = Math.max(ahead, produced - taken)
    }

    expect(taken).toBeGreaterThan(SIZE)
    expect(ahead).toBeLessThan(1024 * 1024)
  })

  it('closes its source when the client goes away, and fails when the source does', async () => {
    const source = inPieces(ct({}, { TransferSyntaxUID: ImplicitVRLittleEndian }).bytes, 10)
    const stream = rewriteExplicitLittleEndian(source)
    await new Promise((resolve) => stream.once('readable', resolve))
    stream.destroy()
    await until(() => source.destroyed)
    const broken = new Readable({ read: () => broken.destroy(new Error('disk gone')) })

    await expect(buffer(rewriteExplicitLittleEndian(broken))).rejects.toThrow('disk gone')
  })

  it('fails for a file that ends within group 0002', async () => {
    const { bytes } = ct()

    await expect(rewritten(bytes.subarray(0, 250))).rejects.toThrow('group 0002')
  })

  corpus('has the data set of every readable file of the corpus', async () => {
    const differing: string[] = []
    const seen = new Map<Uid, number>()
    for (const path of manifest()) {
      const bytes = readFileSync(join(CORPUS, path))
      const before = read(bytes)
      if (before === null || bytes.length > 4_000_000) continue
      const options = { SOPClassUID: before.SOPClassUID, SOPInstanceUID: before.uids.instance }
      const after = readPart10(await rewritten(bytes, 1 + ((bytes.length * 7) % 5000), options))
      seen.set(before.TransferSyntaxUID, (seen.get(before.TransferSyntaxUID) ?? 0) + 1)
      const same = Object.keys(before.dataSet).every((tag) => equal(before.dataSet[tag], after.dataSet[tag]))
      const complete = Object.keys(before.dataSet).length === Object.keys(after.dataSet).length
      if (!same || !complete || transferSyntax(after.TransferSyntaxUID)?.web !== true) differing.push(path)
    }

    expect(differing).toEqual([])
    expect(seen.get(ImplicitVRLittleEndian)).toBeGreaterThan(20)
    expect(seen.get(ExplicitVRBigEndian)).toBeGreaterThan(10)
  })

  corpus('has the frames of Big Endian files turned as their little-endian twins have them', async () => {
    const folder = join(CORPUS, 'pydicom+pydicom/src/pydicom/data/test_files')
    const twins = [
      ['MR_small.dcm', 'MR_small_expb.dcm'],
      ['rtdose.dcm', 'rtdose_expb.dcm'],
      ['liver_1frame.dcm', 'liver_expb_1frame.dcm'],
    ] as const
    for (const [little, big] of twins) {
      const frames = await Promise.all([little, big].map((name) => firstFrame(join(folder, name))))
      expect(frames[0]).toEqual(frames[1])
      expect(frames[0]?.length).toBeGreaterThan(0)
    }
  })
})

async function firstFrame(path: string): Promise<Buffer> {
  const bytes = readFileSync(path)
  const open: OpenFile = (extent) =>
    Promise.resolve(Readable.from([bytes.subarray(extent?.offset, extent && extent.offset + extent.length)]))
  const stream = await frameStream(open, readPixelMap(readPart10(bytes).pixelMap ?? Buffer.alloc(0)), 1)
  return stream ? buffer(stream) : Buffer.alloc(0)
}

/** UN in Big Endian is not retyped by the reader, in little endian it is: the bytes are what must agree. */
function equal(before: DataElement | undefined, after: DataElement | undefined): boolean {
  if (before?.vr === 'UN' && after?.vr !== 'UN') return after !== undefined
  return JSON.stringify(comparable({ x: before! })) === JSON.stringify(comparable({ x: after! }))
}

function manifest(): string[] {
  const [, ...lines] = readFileSync(join(CORPUS, 'manifest.tsv'), 'utf8').trim().split('\n')
  return lines.map((line) => line.split('\t')[0] ?? '')
}

function read(bytes: Buffer): ParsedInstance | null {
  try {
    return readPart10(bytes)
  } catch {
    return null
  }
}
