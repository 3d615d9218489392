import { Readable } from 'node:stream'
import { constants, createInflateRaw } from 'node:zlib'
import type { Tag, Uid } from './data-set.ts'
import { createTranscoder } from './rewrite-elements.ts'
import { splitHead, type FileHead, type MetaElement } from './rewrite-head.ts'
import { ExplicitVRLittleEndian, transferSyntax } from './transfer-syntax.ts'
import { header } from './writer.ts'
import { padded } from './writer-values.ts'

/** For files without group 0002, or with a torn one: what it should say, as the index has it. */
export interface RewriteOptions {
  readonly SOPClassUID?: Uid
  readonly SOPInstanceUID?: Uid
}

/** What a deflated syntax is called once its data set is inflated. */
const INFLATED: ReadonlyMap<Uid, Uid> = new Map([
  ['1.2.840.10008.1.2.4.95', '1.2.840.10008.1.2.4.94'],
  ['1.2.840.10008.1.2.4.205', '1.2.840.10008.1.2.4.204'],
])
const LITTLE = { explicitVr: true, bigEndian: false }

/**
 * A stored Part 10 file as Web Services may send it (PS3.18 §8.7.3): Implicit VR and Big Endian become Explicit VR
 * Little Endian, deflated data sets are inflated, all others pass as they are. Group 0002 is written anew with the
 * transfer syntax that results, its other elements are kept; a preamble that is a program is blanked. Values are copied
 * from the file, nothing is decoded, and memory does not grow with the file. Where the source fails, or the data set
 * is none that the reader would take, the stream is destroyed with that error.
 */
export function rewriteExplicitLittleEndian(source: Readable, options: RewriteOptions = {}): Readable {
  return Readable.from(rewritten(source, options), { objectMode: false })
}

async function* rewritten(source: Readable, options: RewriteOptions): AsyncGenerator<Buffer> {
  try {
    const { head, rest } = await splitHead(source)
    const { encoding } = head
    yield fileHead(head, options)
    if (encoding.deflated) yield* inflated(rest)
    else if (encoding.implicit || encoding.bigEndian) yield* transcoded(rest, encoding)
    else yield* rest
  } finally {
    source.destroy()
  }
}

async function* transcoded(
  dataSet: AsyncGenerator<Buffer>,
  encoding: { implicit: boolean; bigEndian: boolean },
): AsyncGenerator<Buffer> {
  const transcoder = createTranscoder(encoding)
  for await (const chunk of dataSet) {
    const pieces = transcoder.push(chunk)
    if (pieces.length > 0) yield Buffer.concat(pieces)
  }
  const pieces = transcoder.end()
  if (pieces.length > 0) yield Buffer.concat(pieces)
}

/** Inflates a data set as it passes. A stream cut short gives what there is, as the reader takes it. */
export async function* inflated(dataSet: AsyncGenerator<Buffer>): AsyncGenerator<Buffer> {
  const source = Readable.from(dataSet, { objectMode: false })
  const inflate = createInflateRaw({ finishFlush: constants.Z_SYNC_FLUSH })
  source.on('error', (error) => inflate.destroy(error))
  try {
    yield* source.pipe(inflate) as AsyncIterable<Buffer>
  } finally {
    source.destroy()
  }
}

/** Preamble, prefix and group 0002 (PS3.10 §7.1). */
function fileHead({ preamble, meta, encoding }: FileHead, options: RewriteOptions): Buffer {
  const { TransferSyntaxUID, implicit, bigEndian, deflated } = encoding
  const changed =
    (implicit || bigEndian || deflated) && transferSyntax(TransferSyntaxUID)?.encapsulated !== true
  const result = changed ? (INFLATED.get(TransferSyntaxUID) ?? ExplicitVRLittleEndian) : TransferSyntaxUID
  return headOf({ preamble, meta }, result, options)
}

/** Preamble, prefix and group 0002 of a file in the transfer syntax `result`. */
export function headOf(
  { preamble, meta }: Pick<FileHead, 'preamble' | 'meta'>,
  result: Uid,
  options: RewriteOptions,
): Buffer {
  const elements = new Map<Tag, MetaElement>(meta.map((element) => [element.tag, element]))
  if (!elements.has('00020001'))
    elements.set('00020001', { tag: '00020001', vr: 'OB', value: Buffer.of(0, 1) })
  putUid(elements, '00020002', options.SOPClassUID)
  putUid(elements, '00020003', options.SOPInstanceUID)
  elements.delete('00020010')
  putUid(elements, '00020010', result)
  const sorted = [...elements.values()].sort((a, b) => (a.tag < b.tag ? -1 : 1))
  const chunks = sorted.flatMap(({ tag, vr, value }) => [header(tag, vr, value.length, LITTLE), value])
  const length = Buffer.alloc(4)
  length.writeUInt32LE(chunks.reduce((sum, chunk) => sum + chunk.length, 0))
  const isProgram = preamble?.subarray(0, 2).toString('latin1') === 'MZ'
  return Buffer.concat([
    preamble === null || isProgram ? Buffer.alloc(128) : preamble,
    Buffer.from('DICM'),
    header('00020000', 'UL', 4, LITTLE),
    length,
    ...chunks,
  ])
}

/** Puts a UID where there is none yet. */
function putUid(elements: Map<Tag, MetaElement>, tag: Tag, uid: Uid | undefined): void {
  if (uid === undefined || (elements.get(tag)?.value.length ?? 0) > 0) return
  elements.set(tag, { tag, vr: 'UI', value: padded(Buffer.from(uid, 'latin1'), 'UI') })
}
