import type { DataElement, DataSet, PersonName, Tag, Vr } from './data-set.ts'

/** One attribute of the DICOM JSON model as clients may see it (PS3.18 §F.2): `vr` first, at most one of the others. */
export interface JsonElement {
  readonly vr: Vr
  readonly Value?: readonly JsonValue[]
  readonly InlineBinary?: string
  readonly BulkDataURI?: string
}

export type JsonValue = string | number | PersonName | JsonDataSet | null

/**
 * A data set as clients may see it. An object cannot keep its tags in ascending order, which clients are owed
 * (PS3.18 §F.2.2): keys like `30060010` count as array indexes and come first. {@link dicomJsonText} sees to it.
 */
export type JsonDataSet = Readonly<Record<Tag, JsonElement>>

/** Tags and, from 1, item numbers, outermost first: `['00880200', '1', '7FE00010']`. */
export type BulkPath = readonly string[]

export interface JsonOptions {
  /** Pixel data of the instance, from its pixel map; it is no part of the stored data set. */
  readonly pixels?: { readonly tag: Tag; readonly vr: Vr } | null
}

const CHARSET_TAG: Tag = '00080005'
const UTF8: JsonElement = { vr: 'CS', Value: ['ISO_IR 192'] }
const BEYOND_ASCII = /[\u0080-\uFFFF]/

/**
 * What clients see of a stored data set. Elements that the index keeps as a range, and pixel data, get the absolute URI
 * that `bulkUri` makes of their path. Left out: groups 0000 and 0002, group lengths, bytes of undecodable text. Specific
 * Character Set is that of the answer: `ISO_IR 192`, where the data set names one or has text beyond ASCII.
 */
export function toDicomJson(
  dataSet: DataSet,
  bulkUri: (path: BulkPath) => string,
  { pixels }: JsonOptions = {},
): JsonDataSet {
  const elements = visible(dataSet, [], bulkUri)
  if (dataSet[CHARSET_TAG] !== undefined || BEYOND_ASCII.test(JSON.stringify(dataSet)))
    elements[CHARSET_TAG] = UTF8
  if (pixels) elements[pixels.tag] = { vr: pixels.vr, BulkDataURI: bulkUri([pixels.tag]) }
  return elements
}

function visible(
  dataSet: DataSet,
  path: BulkPath,
  bulkUri: (path: BulkPath) => string,
): Record<Tag, JsonElement> {
  const elements: Record<Tag, JsonElement> = {}
  for (const [tag, element] of Object.entries(dataSet)) {
    if (tag === CHARSET_TAG || /^000[02]|0000$/.test(tag)) continue
    elements[tag] = visibleElement(element, [...path, tag], bulkUri)
  }
  return elements
}

function visibleElement(
  element: DataElement,
  path: BulkPath,
  bulkUri: (path: BulkPath) => string,
): JsonElement {
  const { vr, Value, InlineBinary, offset } = element
  if (offset !== undefined) return { vr, BulkDataURI: bulkUri(path) }
  if (InlineBinary !== undefined) return { vr, InlineBinary }
  if (Value === undefined || Value.length === 0) return { vr }
  if (vr !== 'SQ') return { vr, Value: Value }
  const items = Value as (DataSet | null)[]
  return { vr, Value: items.map((item, index) => visible(item ?? {}, [...path, String(index + 1)], bulkUri)) }
}

/** JSON text of a data set, attributes in ascending order at every depth. */
export function dicomJsonText(dataSet: JsonDataSet): string {
  const elements = Object.keys(dataSet)
    .sort()
    .map((tag) => `"${tag}":${elementText(dataSet[tag])}`)
  return `{${elements.join(',')}}`
}

/**
 * Text of one attribute as clients may see it, as {@link toDicomJson} makes it, `"00100010":{…}`, in ascending order at
 * every depth. No Specific Character Set goes with it.
 */
export function attributeText(tag: Tag, element: DataElement, bulkUri: (path: BulkPath) => string): string {
  return `"${tag}":${elementText(visibleElement(element, [tag], bulkUri))}`
}

/** Whether an attribute, or one in its items, is kept as a range of bytes. */
export function hasBulk({ vr, Value, offset }: DataElement): boolean {
  if (offset !== undefined) return true
  return vr === 'SQ' && (Value ?? []).some((item) => Object.values((item ?? {}) as DataSet).some(hasBulk))
}

function elementText(element: JsonElement | undefined): string {
  if (element?.vr !== 'SQ' || element.Value === undefined) return JSON.stringify(element)
  const items = element.Value.map((item) => dicomJsonText((item ?? {}) as JsonDataSet))
  return `{"vr":"SQ","Value":[${items.join(',')}]}`
}

/** A data set that begins with a tag that an object would put first, wherever it belongs. */
const OUT_OF_ORDER_FIRST = /^\{"[1-9]\d{7}":/
const OUT_OF_ORDER = /.\{"[1-9]\d{7}":\{"vr"/s
/** Within an item: those of the data set itself begin the text or a line. */
const NESTED_CHARSET = /.\{"00080005":|[^\n],"00080005":/s
/** A tag behind Pixel Data: private groups of ultrasound, digital signatures, trailing padding. */
const BEHIND_PIXELS = /"(?:7FE[1-9A-F]|7FF|[89A-F][0-9A-F]{2})[0-9A-F]+":\{"vr"/
const LEADING_CHARSET =
  /^\{"00080005":\{"vr":"CS"(?:,"Value":\[(?:"[^"\\}]*"|null)(?:,(?:"[^"\\}]*"|null))*\])?\}/
const LEADING_UTF8 = `{"${CHARSET_TAG}":${JSON.stringify(UTF8)}`

/**
 * Whether the stored JSON text of a data set is what clients see of it but for Specific Character Set and pixel data:
 * nothing to replace, to leave out or to put in order, at any depth. `text` may end behind any attribute. `hasBulk`: it has
 * elements of the form `{vr, offset, length}`; `arePlain`: so are all its lines ({@link arePlainLines}).
 */
export function isPlainText(text: string, hasBulk: boolean, arePlain: boolean): boolean {
  if (hasBulk || !arePlain || !text.startsWith('{"') || text.slice(2, 10) < CHARSET_TAG) return false
  return !OUT_OF_ORDER_FIRST.test(text) && (!text.startsWith(CHARSET_TAG, 2) || LEADING_CHARSET.test(text))
}

/**
 * Of JSON text with an attribute a line (`database/encoding.ts`): instances of a series share most of theirs, which are
 * looked at once.
 */
export function arePlainLines(json: string): boolean {
  // Quoted keys cannot occur within values: there the quotation marks are escaped.
  if (json.includes('"undecoded":')) return false
  // Without items there is nothing but the lines, and the last one has the greatest tag.
  if (!json.includes('[{')) return !BEHIND_PIXELS.test(json.slice(json.lastIndexOf('\n') + 1))
  return !NESTED_CHARSET.test(json) && !OUT_OF_ORDER.test(json) && !BEHIND_PIXELS.test(json)
}

/** Whole attributes of JSON text, commas between; with its bytes where many data sets have it. */
export type AttributesText = string | SharedText

export interface SharedText {
  readonly text: string
  readonly bytes: Buffer
  readonly isAscii: boolean
}

/**
 * {@link toDicomJson} from the attributes of stored JSON text to JSON text, in parts to be laid end to end. Of a data set
 * that {@link isPlainText} they are only laid out: series of thousands of instances are not parsed.
 */
export function metadataParts(
  attributes: readonly AttributesText[],
  isPlain: boolean,
  bulkUri: (path: BulkPath) => string,
  options: JsonOptions = {},
): readonly (string | Buffer)[] {
  if (isPlain) return laidOut(attributes, bulkUri, options)
  const dataSet = JSON.parse(`{${attributes.map(textOfPart).join(',')}}`) as DataSet
  return [dicomJsonText(toDicomJson(dataSet, bulkUri, options))]
}

/** The text of a data set as far as {@link isPlainText} looks at it. */
export function headOf([first]: readonly AttributesText[]): string {
  return first === undefined ? '{}' : `{${textOfPart(first)}`
}

function laidOut(
  attributes: readonly AttributesText[],
  bulkUri: (path: BulkPath) => string,
  { pixels }: JsonOptions,
): (string | Buffer)[] {
  const parts: (string | Buffer)[] = []
  let [before, rest] = ['{', attributes]
  const head = headOf(attributes)
  if (head.startsWith(CHARSET_TAG, 2)) {
    parts.push(LEADING_UTF8, head.slice(head.indexOf('}') + 1))
    before = ','
    rest = attributes.slice(1)
  } else if (attributes.some(isBeyondAscii)) {
    parts.push(LEADING_UTF8)
    before = ','
  }
  for (const part of rest) {
    parts.push(before, typeof part === 'string' ? part : part.bytes)
    before = ','
  }
  if (!pixels) return [...parts, '}']
  const element: JsonElement = { vr: pixels.vr, BulkDataURI: bulkUri([pixels.tag]) }
  return [...parts, `,"${pixels.tag}":${JSON.stringify(element)}}`]
}

function textOfPart(part: AttributesText): string {
  return typeof part === 'string' ? part : part.text
}

function isBeyondAscii(part: AttributesText): boolean {
  return typeof part === 'string' ? BEYOND_ASCII.test(part) : !part.isAscii
}

/**
 * The element of a BulkDataURI's path, if it has bytes: as a range or inline; undefined where there is none. Pixel data
 * at the top level is not in the data set: ask its pixel map.
 */
export function findBulk(dataSet: DataSet, path: BulkPath): DataElement | undefined {
  const [tag = '', item, ...rest] = path
  const element = Object.hasOwn(dataSet, tag) ? dataSet[tag] : undefined
  if (item === undefined)
    return element?.offset !== undefined || element?.InlineBinary !== undefined ? element : undefined
  if (element?.vr !== 'SQ' || !/^[1-9]\d{0,9}$/.test(item)) return undefined
  const inner = element.Value?.[Number(item) - 1]
  return inner === undefined || inner === null ? undefined : findBulk(inner as DataSet, rest)
}
