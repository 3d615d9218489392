/** Pictures of every real file that has pixels, compared with those of dcmtk, or of libjxl. */
import sharp from 'sharp'
import { displayOf } from '../../src/dicom/display.ts'
import { pixelFormat } from '../../src/dicom/pixel-format.ts'
import { frameExtents, readPixelMap } from '../../src/dicom/pixel-map.ts'
import { readPart10 } from '../../src/dicom/reader.ts'
import { transferSyntax } from '../../src/dicom/transfer-syntax.ts'
import type { DataSet, ParsedInstance } from '../../src/dicom/data-set.ts'
import { corpusFile, corpusPaths, describeCorpus } from '../dicom/corpus.ts'
import { startWorld, type World } from '../world.ts'
import { hasReference, referencePicture, type Raster } from '../pixels/reference.ts'

/**
 * Greys out of 256 by which a sample may differ. Two renderers round differently where a window is narrow, and two decoders
 * of lossy JPEG differ by a step or two before the window stretches it.
 */
const TOLERANCE = 2
const TOLERANCE_LOSSY = 4
/** The mean over all samples: dcmtk cuts off what is rounded here. */
const TOLERANCE_MEAN = 1

/** Why no picture is made: for these files, and no others. */
const NOT_SHOWN: readonly (readonly [RegExp, number])[] = [
  [/JPEG2000-embedded-sequence-delimiter\.dcm$/, 406],
  [/MR_truncated\.dcm$/, 404],
]

/** Big-endian cells of 32 bits: dcmtk turns words of 16 bits round, pydicom and we the whole cell. */
const NOT_COMPARED = 'rtdose_expb'

/** Rescale Intercept (-1024) is UN in these files, which dcmtk takes for none. */
const RESCALE_UNKNOWN = /examplesOld.*CTImage\.dcm_JPEG(2000|2000LosslessOnly|LSLossy)TransferSyntax/

interface Shown {
  readonly path: string
  readonly bytes: Buffer
  readonly parsed: ParsedInstance
}

/** Real files with pixel data. Those with one SOP Instance UID, of which a service keeps the first, are in rounds of their own. */
function rounds(): Shown[][] {
  const byUid = new Map<string, Shown[]>()
  for (const path of corpusPaths()) {
    const bytes = corpusFile(path)
    const parsed = parsedOrNull(bytes)
    if (!parsed?.pixelMap) continue
    byUid.set(parsed.uids.instance, [...(byUid.get(parsed.uids.instance) ?? []), { path, bytes, parsed }])
  }
  const alike = [...byUid.values()]
  const most = Math.max(...alike.map(({ length }) => length))
  return Array.from({ length: most }, (_, round) => alike.flatMap((files) => files[round] ?? []))
}

function parsedOrNull(bytes: Buffer): ParsedInstance | null {
  try {
    return readPart10(bytes)
  } catch {
    return null
  }
}

/** What both renderers are asked for: the file's own window by its numbers, since dcmtk cannot read one that is UN. */
function askedOf(
  dataSet: DataSet,
  path: string,
): { readonly query: string; readonly options: readonly string[] } {
  const { voi, padding, palette } = displayOf(dataSet, 1)
  const isColour = palette !== null || dataSet['00280002']?.Value?.[0] === 3
  if (isColour) return { query: '', options: [] }
  if (voi.kind === 'lut') return { query: '', options: ['+Wl', '1'] }
  if (voi.kind === 'window' && voi.shape === 'linear') {
    const center = voi.center + (RESCALE_UNKNOWN.test(path) ? 1024 : 0)
    return { query: '', options: ['+Ww', String(center), String(voi.width)] }
  }
  // dcmtk counts padding among the values of the picture, and knows no exact line.
  if (padding !== null || voi.kind === 'window') {
    return { query: '?window=1000,2000,linear', options: ['+Ww', '1000', '2000'] }
  }
  return { query: '', options: ['+Wm'] }
}

async function rasterOf(png: Buffer, channels: number): Promise<Raster> {
  const image =
    channels === 3 ? sharp(png).toColourspace('srgb').removeAlpha() : sharp(png).toColourspace('b-w')
  const { data, info } = await image.raw().toBuffer({ resolveWithObject: true })
  return { width: info.width, height: info.height, channels: info.channels, pixels: data }
}

/** Touches no global in its loop: in a test these are looked up anew each time, which takes longer than all the rest. */
function difference(one: Raster, other: Raster): { most: number; mean: number } {
  const [mine, theirs] = [one.pixels, other.pixels]
  let most = 0
  let sum = 0
  for (let at = 0; at < mine.length; at++) {
    const signed = (mine[at] ?? 0) - (theirs[at] ?? 0)
    const by = signed < 0 ? -signed : signed
    if (by > most) most = by
    sum += by
  }
  return { most, mean: sum / mine.length }
}

/** How many pictures of a kind there are, how many were compared, and by how much a sample differed at most. */
interface Row {
  files: number
  compared: number
  most: number
}

describeCorpus('pictures of real files', () => {
  const table = new Map<string, Row>()

  it('are those that dcmtk makes', async () => {
    const faults: string[] = []
    for (const files of rounds()) {
      await using world = await startWorld()
      const left = [...files]
      const compareNext = async (): Promise<void> => {
        for (let file = left.shift(); file !== undefined; file = left.shift()) {
          const fault = await compared(world, file, table)
          if (fault !== null) faults.push(`${file.path}: ${fault}`)
        }
      }
      await Promise.all([compareNext(), compareNext(), compareNext()])
    }
    const lines = [...table]
      .toSorted()
      .map(([kind, { files, compared, most }]) => `${kind} | ${files} | ${compared} | ${most}`)
    console.log(
      ['transfer syntax | photometric interpretation | files | compared | most', ...lines].join('\n'),
    )
    expect(faults).toEqual([])
    expect(table.size).toBeGreaterThan(25)
  }, 300_000)
})

/** What is wrong with the picture of a file, null for nothing. */
async function compared(
  world: World,
  { path, bytes, parsed }: Shown,
  table: Map<string, Row>,
): Promise<string | null> {
  const { uids, dataSet, TransferSyntaxUID } = parsed
  await world.stow([bytes])
  const asked = askedOf(dataSet, path)
  const at = `/dicomweb/studies/${uids.study}/series/${uids.series}/instances/${uids.instance}/rendered`
  const answer = await world.get(at + asked.query, { Accept: 'image/png' })
  const expected = NOT_SHOWN.find(([pattern]) => pattern.test(path))?.[1] ?? 200
  if (answer.status !== expected) return `${answer.status} ${answer.text.slice(0, 200)}`
  if (answer.status !== 200) return null
  const map = readPixelMap(parsed.pixelMap!)
  const format = pixelFormat(dataSet, map.tag)
  const name = transferSyntax(TransferSyntaxUID)?.name ?? TransferSyntaxUID
  const kind = `${name} | ${format?.PhotometricInterpretation ?? ''}`
  const row = table.get(kind) ?? { files: 0, compared: 0, most: 0 }
  table.set(kind, row)
  row.files++
  if (!hasReference || path.includes(NOT_COMPARED)) return null
  const pieces = frameExtents(map, 1) ?? []
  const frame = Buffer.concat(pieces.map(({ offset, length }) => bytes.subarray(offset, offset + length)))
  const reference = await referencePicture({ bytes, frame }, TransferSyntaxUID, asked.options)
  return reference === null
    ? null
    : faultOf(await rasterOf(answer.body, reference.channels), reference, TransferSyntaxUID, row)
}

function faultOf(own: Raster, reference: Raster, TransferSyntaxUID: string, row: Row): string | null {
  if (own.width !== reference.width || own.height !== reference.height) return 'it has another size'
  const { most, mean } = difference(own, reference)
  row.compared++
  row.most = Math.max(row.most, most)
  const tolerance = /\.4\.5[0-5]$/.test(TransferSyntaxUID) ? TOLERANCE_LOSSY : TOLERANCE
  return most > tolerance || mean > TOLERANCE_MEAN
    ? `it differs by ${most}, ${mean.toFixed(3)} in the mean`
    : null
}
