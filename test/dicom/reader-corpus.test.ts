import dcmjs from 'dcmjs'
import { inflateRawSync } from 'node:zlib'
import type { DataElement, DataSet, ParsedInstance, Value } from '../../src/dicom/data-set.ts'
import { entryOf } from '../../src/dicom/dictionary.ts'
import { readPart10, Unreadable } from '../../src/dicom/reader.ts'
import { corpusFile, corpusPaths, describeCorpus, expectedBy } from './corpus.ts'
import { DEFLATED } from './part10-bytes.ts'
import { cpuMs } from '../until.ts'

/** One attribute as two readers see it. */
interface Pair {
  readonly tag: string
  readonly ours: DataElement | undefined
  readonly theirs: DataElement | undefined
  readonly file: { readonly bytes: Buffer; readonly parsed: ParsedInstance }
}

const text = (value: object | undefined): string => (value === undefined ? '' : JSON.stringify(value))
const isPrivate = (tag: string): boolean => (parseInt(tag[3] ?? '0', 16) & 1) === 1
const values = (element: DataElement | undefined): Value[] => element?.Value ?? []

/** The bytes of a binary value as base64, from wherever they are. */
function binary(element: DataElement | undefined, { bytes, parsed }: Pair['file']): string | undefined {
  if (element?.offset === undefined || element.length === undefined) return element?.InlineBinary
  const source =
    parsed.TransferSyntaxUID === DEFLATED ? inflateRawSync(bytes.subarray(parsed.dataSetOffset)) : bytes
  return source.subarray(element.offset, element.offset + element.length).toString('base64')
}

/** Values with what the tools write differently made the same. */
function normalised(element: DataElement | undefined, change: (value: Value) => Value): string {
  return text(
    values(element)
      .map(change)
      .filter((value, _, all) => all.length > 1 || value !== null),
  )
}

/** How Concord means to differ, by name; a pair that none of them explains fails the test. */
const DIFFERENCES: Readonly<Record<string, (pair: Pair) => boolean>> = {
  'group lengths are no attributes (PS3.18 F.2.2)': ({ tag, ours }) =>
    ours === undefined && tag.endsWith('0000'),
  'pixel data is no attribute of the index': ({ tag, ours }) => ours === undefined && tag === '7FE00010',
  'an empty value among several is null (F.2.5)': ({ ours, theirs }) =>
    ours?.vr === theirs?.vr &&
    normalised(ours, (value) => value ?? '') === normalised(theirs, (value) => value ?? ''),
  'spaces around a value are padding (PS3.5 §6.2)': ({ ours, theirs }) =>
    ours?.vr === theirs?.vr &&
    normalised(ours, (value) => value) ===
      normalised(theirs, (value) => (typeof value === 'string' ? value.trim() : value)),
  'empty components at the end of a name are nothing': ({ ours, theirs }) =>
    ours?.vr === 'PN' &&
    theirs?.vr === 'PN' &&
    text(values(ours)) ===
      text(values(theirs))
        .replaceAll(/\^+"/gu, '"')
        .replaceAll(/\{"Alphabetic":""\},?/gu, ''),
  'float32 has its shortest decimal text (JSON table of §8)': ({ ours, theirs }) =>
    ours?.vr === 'FL' &&
    theirs?.vr === 'FL' &&
    text(values(ours).map((value) => Math.fround(Number(value)))) ===
      text(values(theirs).map((value) => Math.fround(Number(value)))),
  'a long binary value is given by its place': ({ ours, theirs, file }) =>
    ours?.offset !== undefined && binary(ours, file) === theirs?.InlineBinary,
  'dcmjs does not know this private element, pydicom does': ({ tag, ours, theirs }) =>
    isPrivate(tag) && ours?.vr === 'UN' && theirs?.vr !== 'UN',
  'DCMTK keeps UN, whatever the dictionaries say': ({ ours, theirs }) =>
    theirs?.vr === 'UN' && ours?.vr !== 'UN',
  'DCMTK leaves Data Set Trailing Padding out': ({ tag, theirs }) =>
    tag === 'FFFCFFFC' && theirs === undefined,
  'DCMTK writes its JSON in UTF-8 and says so in (0008,0005)': ({ tag, theirs }) =>
    tag === '00080005' && text(values(theirs)) === '["ISO_IR 192"]',
}

function isSame({ ours, theirs }: Pair): boolean {
  if (ours === undefined || theirs === undefined || ours.offset !== undefined) return false
  const { vr, InlineBinary } = theirs
  return ours.vr === vr && text(values(ours)) === text(values(theirs)) && ours.InlineBinary === InlineBinary
}

/** Compares two data sets; gives the unexplained differences, and counts the explained ones. */
function differences(
  ours: DataSet,
  theirs: DataSet,
  file: Pair['file'],
  explained: Map<string, number>,
  path = '',
): string[] {
  return [...new Set([...Object.keys(ours), ...Object.keys(theirs)])].flatMap((tag) => {
    const pair: Pair = { tag, ours: ours[tag], theirs: theirs[tag], file }
    if (pair.ours?.vr === 'SQ' && pair.theirs?.vr === 'SQ') {
      const [mine, other] = [values(pair.ours) as DataSet[], values(pair.theirs) as DataSet[]]
      if (mine.length !== other.length) return [`${path}${tag}: ${mine.length} items, not ${other.length}`]
      return mine.flatMap((one, index) =>
        differences(one, other[index]!, file, explained, `${path}${tag}.${index}.`),
      )
    }
    if (isSame(pair)) return []
    const name = Object.keys(DIFFERENCES).find((each) => DIFFERENCES[each]!(pair))
    if (name === undefined)
      return [`${path}${tag}: ${text(pair.ours)} is not ${text(pair.theirs)}`.slice(0, 400)]
    explained.set(name, (explained.get(name) ?? 0) + 1)
    return []
  })
}

/** Objects of the corpus that no patient's study holds. */
const NO_STUDY = 'palettes'

describeCorpus('the reader and independent tools', () => {
  it.each(['pydicom', 'dcm2json'] as const)('agrees with %s but for what is named', (tool) => {
    const explained = new Map<string, number>()
    const unexplained: string[] = []
    const files = expectedBy(tool).filter(({ path }) => !path.includes(NO_STUDY))
    for (const { path, bytes, json } of files) {
      const parsed = readPart10(bytes)
      const found = differences(parsed.dataSet, json as DataSet, { bytes, parsed }, explained)
      unexplained.push(...found.map((difference) => `${path} ${difference}`))
    }
    expect(unexplained).toEqual([])
    expect(files.length).toBeGreaterThan(30)
    expect(explained.size).toBeGreaterThan(3)
  })

  it('agrees with dcmjs on the text and numbers that dcmjs reads right', () => {
    dcmjs.log.setLevel('silent')
    let compared = 0
    const unlike: string[] = []
    for (const path of corpusPaths().filter((each) =>
      /CT1_UNC.explicit|MR_small\.dcm|CT_small/u.test(each),
    )) {
      const bytes = corpusFile(path)
      const buffer = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length) as ArrayBuffer
      const theirs = dcmjs.data.DicomMessage.readFile(buffer, {
        untilTag: '7FE00010',
        ignoreErrors: true,
      }).dict
      for (const [tag, { vr, Value = [] }] of Object.entries(readPart10(bytes).dataSet)) {
        // Empty values, AT, decimals and charsets are what dcmjs does otherwise (see dictionary.ts for UN and xs).
        const other = theirs[tag]
        const plain = ['CS', 'DA', 'LO', 'SH', 'UI', 'US', 'UL', 'TM'].includes(vr) && tag !== '00080005'
        if (!plain || Value.length === 0 || other?.vr !== vr || entryOf(tag) === undefined) continue
        compared++
        if (text(Value) !== text(other.Value))
          unlike.push(`${path} ${tag}: ${text(Value)} ${text(other.Value)}`)
      }
    }
    expect(unlike).toEqual([])
    expect(compared).toBeGreaterThan(150)
  })

  it('reads or refuses every file, each within a second', () => {
    const outcomes = { read: 0, refused: 0 }
    for (const path of corpusPaths()) {
      const bytes = corpusFile(path)
      const ms = cpuMs(() => {
        try {
          const parsed = readPart10(bytes)
          expect(parsed.size).toBe(bytes.length)
          outcomes.read++
        } catch (error) {
          expect(error).toBeInstanceOf(Unreadable)
          outcomes.refused++
        }
      })
      expect([path, ms < 1000]).toEqual([path, true])
    }
    expect(outcomes.read).toBeGreaterThan(340)
    expect(outcomes.refused).toBeGreaterThan(20)
  })

  it.each([
    ['bad/hang-494B.dcm', 0xc000],
    ['bad/pydicom+pydicom/src/pydicom/data/test_files/dicomdirtests/DICOMDIR', 0x0122],
    ['bad/pydicom+pydicom/src/pydicom/data/test_files/dicomdirtests/DICOMDIR-bigEnd', 0x0122],
    ['bad/pydicom+pydicom/src/pydicom/data/test_files/dicomdirtests/DICOMDIR-implicit', 0x0122],
    ['bad/pydicom+pydicom/src/pydicom/data/test_files/rtplan_truncated.dcm', 0xc000],
    ['bad/cylab-tw+raccoon/models/dcmtk/dicom.dic', 0xc000],
  ])('refuses %s', (path, reason) => {
    const refused: unknown = expect.objectContaining({ name: 'Unreadable', reason })
    expect(() => readPart10(corpusFile(path))).toThrow(refused as Error)
  })

  it.each([
    ['bad/pydicom+pydicom/src/pydicom/data/test_files/MR_truncated.dcm', /ends early/u],
    ['bad/pydicom+pydicom/src/pydicom/data/test_files/ExplVR_BigEndNoMeta.dcm', /neither preamble/u],
    ['bad/pydicom+pydicom/src/pydicom/data/test_files/ExplVR_LitEndNoMeta.dcm', /neither preamble/u],
    ['bad/pydicom+pydicom/src/pydicom/data/test_files/rtstruct.dcm', /neither preamble/u],
    ['bad/pydicom+pydicom/src/pydicom/data/test_files/SC_rgb_jpeg.dcm', /another transfer syntax/u],
    ['bad/dcm4che+dcm4che/dcm4che-test-data/src/main/resources/OT-PAL-8-face', /neither preamble/u],
  ])('reads %s and says what is odd', (path, cause) => {
    const { oddities } = readPart10(corpusFile(path))
    expect(oddities.map(({ text: said }) => said).join('; ')).toMatch(cause)
    expect(new Set(oddities.map(({ reason }) => reason))).toEqual(new Set([0xb007]))
  })
})
