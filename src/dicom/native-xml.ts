import type { PersonName, Tag } from './data-set.ts'
import { keywordOf } from './dictionary.ts'
import type { JsonDataSet, JsonElement, JsonValue } from './dicom-json.ts'

const NAMESPACE = 'http://dicom.nema.org/PS3.19/models/NativeDICOM'

/** Component elements of a name in the order of PS3.5 §6.2.1.1. */
const COMPONENTS = ['FamilyName', 'GivenName', 'MiddleName', 'NamePrefix', 'NameSuffix'] as const
const GROUPS = ['Alphabetic', 'Ideographic', 'Phonetic'] as const

/**
 * One data set as a document of the Native DICOM Model (PS3.19 §A.1), of media type `application/dicom+xml`. Private
 * attributes name their creator and leave the number of their block out of the tag; the creators' own elements say the
 * same and are left out where they have attributes.
 */
export function nativeXml(dataSet: JsonDataSet): string {
  const attributes = attributesXml(dataSet)
  return `<?xml version="1.0" encoding="UTF-8"?>\n<NativeDicomModel xmlns="${NAMESPACE}" xml:space="preserve">${attributes}</NativeDicomModel>`
}

function attributesXml(dataSet: JsonDataSet): string {
  const tags = Object.keys(dataSet).sort()
  const used = new Set(tags.filter((tag) => creatorOf(dataSet, tag) !== undefined).map(creatorTag))
  return tags
    .filter((tag) => !used.has(tag))
    .map((tag) => attributeXml(dataSet, tag))
    .join('')
}

function attributeXml(dataSet: JsonDataSet, tag: Tag): string {
  const element = dataSet[tag]
  if (element === undefined) return ''
  const creator = creatorOf(dataSet, tag)
  const keyword = keywordOf(tag)
  const names =
    creator !== undefined
      ? ` tag="${tag.slice(0, 4)}00${tag.slice(6)}" vr="${element.vr}" privateCreator="${escaped(creator)}"`
      : ` tag="${tag}" vr="${element.vr}"${keyword === undefined ? '' : ` keyword="${keyword}"`}`
  const content = contentXml(element)
  return content === '' ? `<DicomAttribute${names}/>` : `<DicomAttribute${names}>${content}</DicomAttribute>`
}

function contentXml({ vr, Value, InlineBinary, BulkDataURI }: JsonElement): string {
  if (InlineBinary !== undefined) return `<InlineBinary>${InlineBinary}</InlineBinary>`
  if (BulkDataURI !== undefined) return `<BulkData uri="${escaped(BulkDataURI)}"/>`
  return (Value ?? []).map((value, index) => valueXml(vr, value, index + 1)).join('')
}

/** An empty value among several is told by the number that is missing. */
function valueXml(vr: string, value: JsonValue, number: number): string {
  if (vr === 'SQ') return `<Item number="${number}">${attributesXml((value ?? {}) as JsonDataSet)}</Item>`
  if (value === null) return ''
  if (typeof value === 'object') return `<PersonName number="${number}">${nameXml(value)}</PersonName>`
  return `<Value number="${number}">${escaped(`${value}`)}</Value>`
}

function nameXml(name: PersonName): string {
  return GROUPS.map((group) => {
    const components = (name[group] ?? '').split('^')
    const inner = COMPONENTS.map((component, index) => {
      const text = components[index] ?? ''
      return text === '' ? '' : `<${component}>${escaped(text)}</${component}>`
    }).join('')
    return inner === '' ? '' : `<${group}>${inner}</${group}>`
  }).join('')
}

/** The private creator of a private attribute (PS3.5 §7.8.1), where its block is reserved. */
function creatorOf(dataSet: JsonDataSet, tag: Tag): string | undefined {
  if (!/^...[13579BDF](?:1[0-9A-F]|[2-9A-F].)..$/.test(tag)) return undefined
  const creator = dataSet[creatorTag(tag)]?.Value?.[0]
  return typeof creator === 'string' ? creator : undefined
}

function creatorTag(tag: Tag): Tag {
  return `${tag.slice(0, 4)}00${tag.slice(4, 6)}`
}

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }

/**
 * Text for content and attributes. Carriage return, line feed and tab as references, so that no parser normalises them;
 * U+FFFD for characters that XML 1.0 §2.2 cannot hold in any form.
 */
function escaped(text: string): string {
  return text
    .toWellFormed()
    .replace(/[&<>"]/g, (character) => ENTITIES[character] ?? character)
    .replace(/[\t\n\r]/g, (character) => `&#${character.charCodeAt(0)};`)
    .replace(/[^\t\n\r\x20-\uFFFD\u{10000}-\u{10FFFF}]/gu, '\uFFFD')
}
