/**
 * How the data set of an instance is kept: as a shallow patch against an immutable base of its series. A key of the
 * patch replaces a whole attribute, `null` takes it away. Texts hold one attribute a line, so that two data sets are
 * compared, split and merged line by line and JSON is not parsed; `{` + lines with `\n,` between + `}` is JSON.
 */
import { isAscii } from 'node:buffer'
import { deflateSync, inflateSync } from 'node:zlib'
import type { AttributesText, SharedText } from '../dicom/dicom-json.ts'
import type { Dialect } from './operation.ts'

/** Above this a data set is kept whole, compressed, without base. Characters of JSON text. */
export const WHOLE_ABOVE = 256 * 1024

/** An attribute that differs from the base: its line, or null when it is not there. */
export interface Change {
  readonly tag: string
  readonly line: string | null
}

export function tagOfLine(line: string): string {
  return line.slice(1, 9)
}

/** Both lists ascend by tag; the changes do too. */
export function differences(base: readonly string[], lines: readonly string[]): Change[] {
  const changes: Change[] = []
  let [b, l] = [0, 0]
  while (b < base.length || l < lines.length) {
    const own = lines[l]
    const old = base[b]
    if (own !== undefined && own === old) {
      b++
      l++
      continue
    }
    const tag = own === undefined ? null : tagOfLine(own)
    const oldTag = old === undefined ? null : tagOfLine(old)
    if (tag !== null && own !== undefined && (oldTag === null || tag <= oldTag)) {
      changes.push({ tag, line: own })
      l++
      if (tag === oldTag) b++
    } else if (oldTag !== null) {
      changes.push({ tag: oldTag, line: null })
      b++
    }
  }
  return changes
}

export function jsonOfLines(lines: readonly string[]): string {
  return `{${lines.join('\n,')}}`
}

/** Lines of a text that {@link jsonOfLines} made; none for `{}`. */
export function linesOfJson(json: string): string[] {
  return json === '{}' ? [] : json.slice(1, -1).split('\n,')
}

export function patchOf(changes: readonly Change[]): string {
  return jsonOfLines(changes.map((change) => change.line ?? `"${change.tag}":null`))
}

/** The lines of a data set again. */
export function merged(base: readonly string[], patch: readonly string[]): string[] {
  const lines: string[] = []
  let b = 0
  for (const line of patch) {
    const tag = tagOfLine(line)
    let old = base[b]
    while (old !== undefined && tagOfLine(old) < tag) {
      lines.push(old)
      old = base[++b]
    }
    if (old !== undefined && tagOfLine(old) === tag) b++
    if (!isRemoval(line)) lines.push(line)
  }
  for (; b < base.length; b++) lines.push(base[b] ?? '')
  return lines
}

/** `"00100010":null`; an attribute that is there is an object. */
export function isRemoval(line: string): boolean {
  return line.length === 15 && line.endsWith('null')
}

/** Columns of `instance` for a data set that is kept whole. PostgreSQL compresses long text by itself (TOAST). */
export function wholeColumns(
  dialect: Dialect,
  lines: readonly string[],
): { patch: string | null; packed: Buffer | null } {
  const json = jsonOfLines(lines)
  if (dialect === 'postgres' || json.length <= WHOLE_ABOVE) return { patch: json, packed: null }
  return { patch: null, packed: deflateSync(json) }
}

/** The JSON text of `instance.packed`. */
export function unpacked(packed: Uint8Array): string {
  return inflateSync(packed).toString('utf8')
}

/** Of a text that a database gives as such or as its bytes. Most are ASCII, which need no decoding. */
export function textOf(value: unknown): string {
  if (!(value instanceof Uint8Array)) return String(value)
  const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength)
  return bytes.toString(isAscii(bytes) ? 'latin1' : 'utf8')
}

/** Sets of replaced tags that are remembered of a base. */
const SHAPES = 64

/**
 * Makes DICOM JSON out of patches of one base, group 0002 left out. The lines between those that a patch replaces are
 * joined once per set of replaced tags: in a series that is mostly one of a few sets.
 * @param between what stands between two attributes
 */
export function splicer(base: readonly string[], between = ','): (patch: readonly string[]) => string {
  const segmentsFor = segmenter(base, between, (segment) => segment)
  return (patch) => {
    const segments = segmentsFor(patch)
    let json = segments[0] ?? ''
    for (const [at, line] of patch.entries()) {
      if (!isRemoval(line) && !isMeta(line)) json += json === '' ? line : between + line
      const segment = segments[at + 1] ?? ''
      if (segment !== '') json += json === '' ? segment : between + segment
    }
    return `{${json}}`
  }
}

/** The same as texts of whole attributes: what is the base's is made bytes once per set of replaced tags. */
export function partSplicer(base: readonly string[]): (patch: readonly string[]) => AttributesText[] {
  const segmentsFor = segmenter(base, ',', sharedText)
  return (patch) => {
    const parts: AttributesText[] = []
    let lines = ''
    for (const [at, segment] of segmentsFor(patch).entries()) {
      if (segment.text !== '') {
        if (lines !== '') parts.push(lines)
        parts.push(segment)
        lines = ''
      }
      const line = patch[at]
      if (line !== undefined && !isRemoval(line) && !isMeta(line)) lines += lines === '' ? line : `,${line}`
    }
    if (lines !== '') parts.push(lines)
    return parts
  }
}

function sharedText(text: string): SharedText {
  const bytes = Buffer.from(text)
  return { text, bytes, isAscii: isAscii(bytes) }
}

/** What of a base stands before, between and after the lines of patches, as `made` of its text. */
function segmenter<Segment>(
  base: readonly string[],
  between: string,
  made: (segment: string) => Segment,
): (patch: readonly string[]) => readonly Segment[] {
  const shapes = new Map<string, readonly Segment[]>()
  return (patch) => {
    let shape = ''
    for (const line of patch) shape += tagOfLine(line)
    let segments = shapes.get(shape)
    if (segments === undefined) {
      if (shapes.size === SHAPES) shapes.clear()
      segments = segmentsOf(base, patch, between).map(made)
      shapes.set(shape, segments)
    }
    return segments
  }
}

/** File Meta Information (PS3.10 §7.1), which is searched but is no part of the data set. */
function isMeta(line: string): boolean {
  return line.startsWith('"0002')
}

/** What of the base stands before, between and after the lines of a patch. */
function segmentsOf(base: readonly string[], patch: readonly string[], between: string): string[] {
  const segments: string[] = []
  let b = 0
  for (const line of [...patch, null]) {
    const tag = line === null ? null : tagOfLine(line)
    const segment: string[] = []
    for (let old = base[b]; old !== undefined && (tag === null || tagOfLine(old) < tag); old = base[++b])
      if (!isMeta(old)) segment.push(old)
    const next = base[b]
    if (next !== undefined && tag !== null && tagOfLine(next) === tag) b++
    segments.push(segment.join(between))
  }
  return segments
}
