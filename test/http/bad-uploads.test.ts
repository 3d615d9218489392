/**
 * Bad uploads, one row each of the table in reliability.md §7, and the exact answer: the status, and for the one instance
 * the reason of its failure (PS3.18 Table I.2-2), of its warning, or none. Where design §10 voids a row, as design has it.
 * Shown elsewhere: 14, 65 and 67 by stow.test.ts, 24 by stow-corpus.test.ts, 46 and 62 to 64 by archive/store.test.ts, 59 by
 * `npm run test:large`, 66 by bad-requests.test.ts.
 */
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { deflateRawSync } from 'node:zlib'
import { bare, ct, mr, series, us } from '../samples.ts'
import {
  element,
  header,
  identity,
  instance,
  item,
  meta,
  part10,
  sequence,
  tagBytes,
  u32,
  UNDEFINED,
  BIG,
  DEFLATED,
  IMPLICIT,
  JPEG,
} from '../dicom/part10-bytes.ts'
import { type Answer, type Ask, startWorld, stowBody, type World } from '../world.ts'

const MIB = 1024 * 1024
const STORED = null
const [ODD, CANNOT_UNDERSTAND, NOT_SUPPORTED, UNKNOWN_SYNTAX, OTHER_CONTENT, WRONG_TYPE, OTHER_STUDY] = [
  0xb007, 0xc000, 0x0122, 0xc122, 0x0111, 0x0110, 0xa901,
]

let world: World
beforeAll(async () => {
  world = await startWorld({ upload: { maxRequestBytes: 64 * MIB }, intake: { partBytes: 48 * MIB } })
})
afterAll(() => world[Symbol.asyncDispose]())

/** The reason that the answer gives for its only instance; null when it is stored without a word. */
function reasonOf(answer: Answer): unknown {
  const body = answer.dataSet()
  const items = ['00081198', '0008119A', '00081199'].flatMap((tag) => body[tag]?.Value ?? []) as Record<
    string,
    { Value?: unknown[] } | undefined
  >[]
  expect(items).toHaveLength(1)
  return items[0]?.['00081197']?.Value?.[0] ?? items[0]?.['00081196']?.Value?.[0] ?? null
}

const MULTIPART = 'multipart/related; type="application/dicom"; boundary=B'
const POST = (headers: Record<string, string>, body: Buffer | string): Ask => ({
  method: 'POST',
  headers,
  body,
})
const inParts = (body: string | Buffer, type = MULTIPART): Ask => POST({ 'Content-Type': type }, body)
const part = (bytes: Buffer, head = 'Content-Type: application/dicom', eol = '\r\n'): Buffer =>
  Buffer.concat([Buffer.from(`--B${eol}${head}${eol}${eol}`), bytes, Buffer.from(`${eol}--B--${eol}`)])

type RequestRow = readonly [row: number, what: string, ask: () => Ask, status: number]

const REQUESTS: readonly RequestRow[] = [
  [1, 'empty body', () => inParts(''), 400],
  [2, 'no Content-Type', () => POST({}, part(ct().bytes)), 415],
  [3, 'form data', () => inParts(part(ct().bytes), 'multipart/form-data; boundary=B'), 415],
  [4, 'no boundary', () => inParts(part(ct().bytes), 'multipart/related; type="application/dicom"'), 400],
  [5, 'a boundary of 257 characters', () => inParts(part(ct().bytes), `multipart/related; boundary=${'b'.repeat(257)}`), 400],
  [5, 'a boundary of forbidden characters', () => inParts(part(ct().bytes), 'multipart/related; boundary="a;b"'), 400],
  [6, 'no type, and parts that are DICOM', () => inParts(part(ct().bytes), 'multipart/related; boundary=B'), 200],
  [7, 'XML metadata', () => inParts(part(ct().bytes), 'multipart/related; type="application/dicom+xml"; boundary=B'), 415],
  [8, 'JSON metadata with a URI to fetch', () => inParts('--B\r\nContent-Type: application/dicom+json\r\n\r\n[{"7FE00010":{"vr":"OW","BulkDataURI":"http://169.254.169.254/"}}]\r\n--B--\r\n', 'multipart/related; type="application/dicom+json"; boundary=B'), 415],
  [9, 'one instance as the body', () => POST({ 'Content-Type': 'application/dicom' }, ct().bytes), 200],
  [10, 'a compressed body', () => POST({ 'Content-Type': MULTIPART, 'Content-Encoding': 'gzip' }, part(ct().bytes)), 415],
  [13, 'no last boundary, one whole part', () => inParts(Buffer.concat([part(ct().bytes).subarray(0, -9), Buffer.from('\r\n--B\r\nContent-Type: application/dicom\r\n\r\nDICM')])), 202],
  [13, 'no last boundary, nothing whole', () => inParts(part(ct().bytes).subarray(0, 700)), 400],
  [15, 'a part header of 1 MB', () => inParts(part(ct().bytes, `X: ${'x'.repeat(MIB)}`)), 400],
  [17, 'lines that end with LF', () => inParts(part(ct().bytes, undefined, '\n')), 200],
] // prettier-ignore

it.each(REQUESTS)('row %i: %s', async (_row, _what, ask, status) => {
  const answer = await world.ask('/dicomweb/studies', ask())
  expect(answer.status).toBe(status)
  if (status === 415) expect(answer.headers['accept-post']).toContain('application/dicom')
  const type = [200, 202].includes(status)
    ? 'application/dicom+json'
    : /^application\/(?:problem|dicom)\+json/
  expect(answer.headers['content-type']).toEqual(
    typeof type === 'string' ? type : expect.stringMatching(type),
  )
})

it('row 11: a length of one terabyte is refused before a byte is read', async () => {
  const headers = { 'Content-Type': MULTIPART, 'Content-Length': String(10 ** 12) }
  const answer = await world.ask('/dicomweb/studies', { method: 'POST', headers, body: [Buffer.from('x')] })
  expect([answer.status, answer.headers.connection]).toEqual([413, 'close'])
})

it('row 12: a body in chunks beyond the limit is cut there, and what came before is named', async () => {
  const small = ct()
  const large = ct({}, { pixels: { vr: 'OW', bytes: Buffer.alloc(70 * MIB) } })
  const { body, headers } = stowBody([small, large])
  const chunks = Array.from({ length: Math.ceil(body.length / MIB) }, (_, n) =>
    body.subarray(n * MIB, (n + 1) * MIB),
  )
  const answer = await world.ask('/dicomweb/studies', { method: 'POST', headers, body: chunks })
  expect(answer.status).toBe(413)
  expect(answer.text).toContain(small.uids.instance)
  expect(await world.qido(`/instances?SOPInstanceUID=${small.uids.instance}`)).toHaveLength(1)
})

it('row 16: more parts than there may be', async () => {
  const { body, headers } = stowBody(Array.from({ length: 10_001 }, () => Buffer.from('x')))
  expect((await world.ask('/dicomweb/studies', { method: 'POST', headers, body })).status).toBe(413)
})

type PartRow = readonly [
  row: number,
  what: string,
  bytes: () => Buffer,
  status: number,
  reason: number | null,
]

const text = (tag: string, vr: string, value: string): Buffer => instance([element(tag, vr, value)])
const unique = (): string => ct().uids.instance
/** Identity with one element replaced or left out, and UIDs of its own. */
const who = (replaced: Record<string, Buffer | null> = {}) =>
  Buffer.concat(identity({ '00080018': element('00080018', 'UI', unique()), ...replaced }))
const nested = (depth: number): Buffer => {
  const open = Buffer.concat([header('00081140', 'SQ', UNDEFINED), tagBytes('FFFEE000'), u32(UNDEFINED)])
  return Buffer.concat([who(), ...Array.from({ length: depth }, () => open)])
}
const bomb = (): Buffer => {
  const start = Buffer.concat([who(), header('7FE00010', 'OW', 512 * MIB)])
  return part10(deflateRawSync(Buffer.concat([start, Buffer.alloc(64 * MIB)])), DEFLATED)
}

const PARTS: readonly PartRow[] = [
  [19, 'a part of no bytes', () => Buffer.alloc(0), 409, CANNOT_UNDERSTAND],
  [20, 'a kilobyte of noise', () => Buffer.from(Array.from({ length: 1024 }, (_, n) => (n * n * 7919) & 0xff)), 409, CANNOT_UNDERSTAND],
  [21, 'no preamble, no group 0002 (design: stored)', () => who(), 202, ODD],
  [22, 'no length of group 0002', () => Buffer.concat([Buffer.alloc(128), Buffer.from('DICM'), element('00020010', 'UI', '1.2.840.10008.1.2.1'), who()]), 202, ODD],
  [23, 'a length of group 0002 that lies', () => { const bytes = part10(who()); bytes.writeUInt32LE(0xffffffff, 140); return bytes }, 202, ODD],
  [25, 'a length beyond the end, before pixel data', () => part10(Buffer.concat([who(), header('00204000', 'UT', 5000), Buffer.from('short ')])), 409, CANNOT_UNDERSTAND],
  [26, 'pixel data of 4 GiB in a file of 440 bytes (design: damaged, stored)', () => part10(Buffer.concat([who(), header('7FE00010', 'OB', 0xfffffffe), Buffer.alloc(100)])), 202, ODD],
  [27, 'sequences 20,000 deep', () => part10(nested(20_000)), 409, CANNOT_UNDERSTAND],
  [29, '30 MB of backslashes in UT', () => text('00204000', 'UT', '\\'.repeat(30 * MIB)), 200, STORED],
  [30, 'a deflated stream that never ends to grow', bomb, 409, CANNOT_UNDERSTAND],
  [31, 'a deflated one that is right', () => ct({}, { TransferSyntaxUID: DEFLATED }).bytes, 200, STORED],
  [32, 'a transfer syntax that nobody knows', () => part10(who(), '1.2.3'), 409, UNKNOWN_SYNTAX],
  [33, 'explicit VR under Implicit VR', () => part10(who(), IMPLICIT), 202, ODD],
  [34, 'big endian', () => ct({}, { TransferSyntaxUID: BIG }).bytes, 200, STORED],
  [35, 'no SOP Instance UID', () => part10(who({ '00080018': null })), 409, CANNOT_UNDERSTAND],
  [36, 'no Study Instance UID', () => part10(who({ '0020000D': null })), 409, CANNOT_UNDERSTAND],
  [36, 'an empty Study Instance UID', () => part10(who({ '0020000D': element('0020000D', 'UI', '') })), 409, CANNOT_UNDERSTAND],
  [37, 'a path as UID', () => part10(who({ '00080018': element('00080018', 'UI', '../../../etc/passwd') })), 409, CANNOT_UNDERSTAND],
  [38, 'a UID of 65 characters', () => part10(who({ '00080018': element('00080018', 'UI', `1.${'2'.repeat(63)}`) })), 409, CANNOT_UNDERSTAND],
  [38, 'a UID with a leading zero', () => part10(who({ '00080018': element('00080018', 'UI', `${unique()}.02`) })), 202, ODD],
  [39, 'a UID padded with a space', () => part10(who({ '00080018': element('00080018', 'UI', Buffer.from(`${unique()}.12   `.slice(0, 2 * Math.floor((unique().length + 5) / 2)))) })), 200, STORED],
  [40, 'another UID in group 0002', () => Buffer.concat([Buffer.alloc(128), Buffer.from('DICM'), meta('1.2.840.10008.1.2.1', [element('00020003', 'UI', '1.2.3.99')]), who()]), 202, ODD],
  [41, 'a private SOP class', () => bare({ SOPClassUID: '1.3.46.670589.99.1' }).bytes, 200, STORED],
  [48, 'no Patient ID (design: stored, a patient of its own)', () => ct({ PatientID: null }).bytes, 200, STORED],
  [49, 'markup as a name', () => ct({ PatientName: '<img src=x onerror=alert(1)>' }).bytes, 200, STORED],
  [50, 'SQL as a name', () => ct({ PatientName: `'; DROP TABLE instance;--` }).bytes, 200, STORED],
  [51, 'a name with escape sequences that do not end', () => part10(Buffer.concat([element('00080005', 'CS', '\\ISO 2022 IR 87'), who(), element('00100010', 'PN', Buffer.from('A\u001b$B\u001b\0B', 'latin1'))])), 202, ODD],
  [52, 'a character set that nobody knows', () => part10(Buffer.concat([element('00080005', 'CS', 'ISO_IR 999'), who(), element('00100010', 'PN', 'M\u00fcller')])), 202, ODD],
  [54, 'a private creator called __proto__', () => instanceOf([element('00091001', 'LO', 'x'), element('00090010', 'LO', '__proto__')]), 200, STORED],
  [55, 'dates and numbers that are none', () => instanceOf([element('00080020', 'DA', '20230231'), element('00080030', 'TM', '2561'), element('00200013', 'IS', '12abc'), element('00180050', 'DS', 'NaN')]), 202, ODD],
  [56, 'a program as preamble', () => Buffer.concat([Buffer.from('MZ'.padEnd(128, '\0')), ct().bytes.subarray(128)]), 202, ODD],
  [57, 'a TIFF as preamble', () => Buffer.concat([Buffer.from('II*\0'.padEnd(128, '\0')), ct().bytes.subarray(128)]), 200, STORED],
  [58, 'a DICOMDIR', () => bare({ SOPClassUID: '1.2.840.10008.1.3.10' }).bytes, 409, NOT_SUPPORTED],
  [60, 'fragments without an end (design: damaged, stored)', () => part10(Buffer.concat([who(), header('7FE00010', 'OB', UNDEFINED), item(Buffer.alloc(0)), item(Buffer.alloc(64, 1))]), JPEG), 202, ODD],
  [61, 'bytes after the end', () => Buffer.concat([ct().bytes, Buffer.alloc(200, 0xab)]), 202, ODD],
] // prettier-ignore

function instanceOf(elements: readonly Buffer[]): Buffer {
  const order = (bytes: Buffer) => bytes.readUInt16LE(0) * 0x10000 + bytes.readUInt16LE(2)
  const own = identity({ '00080018': element('00080018', 'UI', unique()) })
  return part10(Buffer.concat([...own, ...elements].toSorted((a, b) => order(a) - order(b))))
}

it.each(PARTS)('row %i: %s', async (_row, _what, make, status, reason) => {
  const bytes = make()
  const before = process.memoryUsage.rss()
  const answer = await world.stow([bytes])
  expect([answer.status, reasonOf(answer)]).toEqual([status, reason])
  // The bytes of the file and what it inflates to, not what it says that it has.
  expect(process.memoryUsage.rss() - before).toBeLessThan(16 * bytes.length + 192 * MIB)
  if (status === 409) return
  const url = /"UR","Value":\["([^"]*\/instances\/[^"]*)"/.exec(answer.text)?.[1] ?? ''
  const original = await world.get(`${url.slice(world.url.length)}/original`)
  expect([original.status, original.body.equals(bytes)]).toEqual([200, true])
})

it('row 18: a part of another type is refused, that one alone', async () => {
  const sample = ct()
  const body = Buffer.concat([
    part(Buffer.from('<p>'), 'Content-Type: text/html').subarray(0, -7),
    part(sample.bytes),
  ])
  const answer = await world.ask('/dicomweb/studies', inParts(body))
  expect(answer.status).toBe(202)
  expect(answer.text).toContain(`"Value":[${WRONG_TYPE}]`)
  expect(await world.qido(`/instances?SOPInstanceUID=${sample.uids.instance}`)).toHaveLength(1)
})

it('row 28: half a million empty items are read or refused, and soon', async () => {
  const items = Array.from({ length: 500_000 }, () => item(Buffer.alloc(0)))
  const answer = await world.stow([instanceOf([sequence('00081140', items)])])
  expect([200, 409]).toContain(answer.status)
})

it('row 42: an instance of another study than the one of the address', async () => {
  const answer = await world.stow([ct()], { path: '/studies/1.2.3.4.5' })
  expect([answer.status, reasonOf(answer)]).toEqual([409, OTHER_STUDY])
})

it('rows 43 to 45: again the same bytes, other pixels, another study', async () => {
  const [one, again] = [ct({}, { seed: 'row 43' }), ct({}, { seed: 'row 43' })]
  for (const { bytes } of [one, again]) {
    const answer = await world.stow([bytes])
    expect([answer.status, reasonOf(answer)]).toEqual([200, STORED])
  }
  const pixels = ct({}, { seed: 'row 43', pixels: { vr: 'OW', bytes: Buffer.alloc(128, 9) } })
  const study = ct({ StudyInstanceUID: '1.2.3.4.5.6' }, { seed: 'row 43' })
  for (const { bytes } of [pixels, study]) {
    const answer = await world.stow([bytes])
    expect([answer.status, reasonOf(answer)]).toEqual([409, OTHER_CONTENT])
  }
  const found = await world.qido(`/instances?SOPInstanceUID=${one.uids.instance}`)
  expect(found.map((row) => row['0020000D']?.Value)).toEqual([[one.uids.study]])
})

it('row 47: two patients in one study (design: stored)', async () => {
  const [one, two] = series(mr, 2)
  const other = mr({ ...uidsOf(two!), PatientID: 'ANOTHER' })
  const answers = [await world.stow([one!]), await world.stow([other])]
  expect(answers.map(({ status }) => status)).toEqual([200, 200])
  expect(await world.qido(`/studies/${one!.uids.study}/instances`)).toHaveLength(2)
})

const uidsOf = ({ uids }: ReturnType<typeof mr>) => ({
  StudyInstanceUID: uids.study,
  SeriesInstanceUID: uids.series,
  SOPInstanceUID: uids.instance,
})

it('rows 49 and 50: markup and SQL are text, found as they are', async () => {
  for (const PatientName of ['<i onload=x>', `Robert'); DROP TABLE study;--`]) {
    const sample = us({ PatientName })
    await world.store(sample)
    const answer = await world.get(`/dicomweb/studies?PatientName=${encodeURIComponent(PatientName)}`)
    expect(answer.headers['x-content-type-options']).toBe('nosniff')
    expect(answer.dataSets().map((row) => row['0020000D']?.Value)).toEqual([[sample.uids.study]])
  }
})

it('row 53: a Japanese name is found by its characters', async () => {
  const file = instanceOf([
    element('00080005', 'CS', '\\ISO 2022 IR 87'),
    // PS3.5 H.3.1
    element('00100010', 'PN', 'Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B'),
  ])
  await world.store(file)
  const [row] = await world.qido(`/studies?PatientName=${encodeURIComponent('=\u5c71\u7530^\u592a\u90ce')}`)
  expect(row?.['00100010']?.Value).toEqual([
    { Alphabetic: 'Yamada^Tarou', Ideographic: '\u5c71\u7530^\u592a\u90ce' },
  ])
})

it('rows 37 and 19 to 61 leave nothing beside the store', async () => {
  expect((await readdir(world.folder)).sort()).toEqual(expect.arrayContaining(['blobs', 'spool']))
  expect(await readdir(join(world.folder, 'spool'))).toEqual([])
})
