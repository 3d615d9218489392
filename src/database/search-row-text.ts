/** How the rows of one search are written: what is decided once for all of them, and what each of them shows. */
import { aggregateOf } from '../dicom/attributes.ts'
import { isInAll } from '../dicom/attributes-all.ts'
import type { DataElement, InstanceUids, Tag } from '../dicom/data-set.ts'
import { attributeText, hasBulk } from '../dicom/dicom-json.ts'
import { readPrivateStep } from '../dicom/path-step.ts'
import { retrievePath } from '../dicom/retrieve-path.ts'
import type { Row } from './operation.ts'
import { ONLINE, type Query } from './query.ts'
import { aggregateElement, AGGREGATES } from './search-row-aggregates.ts'
import {
  missingElement,
  resolvedFields,
  shownElement,
  storedTag,
  type Field,
  type Fields,
} from './search-fields.ts'
import { tagsIn, type KeptDataSet, type StoredDataSet } from './search-instances.ts'
import { elementOfLine } from './search-lines.ts'
import { isLeftOut, isPlain, wholeRows } from './search-text.ts'

/** A row before it is text. */
export interface RowDraft {
  readonly uids: Partial<InstanceUids>
  /** What it shows beyond what the data set behind it does, in ascending order. */
  readonly pieces: readonly Piece[]
  readonly whole: KeptDataSet | undefined
  /** Some of it is bulk data, which is that of an instance. */
  readonly isBulky: boolean
}

/** A line of the text, or an attribute with bulk data, whose address is not known yet. */
type Piece = string | { readonly tag: Tag; readonly element: DataElement }

export interface RowWriter {
  /** Tags that are looked for in data sets; of private ones there may be more. */
  readonly stored: readonly Tag[]
  /** `whole`: the data set of a row that shows everything. */
  draft(entity: Row, source: StoredDataSet, whole?: KeptDataSet): RowDraft
  /** DICOM JSON; `shown` is the instance whose attributes these are. */
  text(draft: RowDraft, shown: Partial<InstanceUids>): string
}

export function rowWriter(query: Query, fields: Fields): RowWriter {
  const { service = '' } = query
  const all = query.include === 'all' ? wholeRows(query.level) : undefined
  const columnsFor = columnsOf(query)
  const own = columnsFor(fields)
  const inBlocks = [...fields.keys()].filter((step) => readPrivateStep(step) !== undefined)
  const known = new Map<string, readonly Column[]>()
  /** Private ones by what they mean in a data set: mostly the same in all. */
  const columnsIn = (source: StoredDataSet): readonly Column[] => {
    const meant = inBlocks.flatMap((step) => tagsIn(source, step))
    const key = meant.map((tag) => tag + (source.element(tag)?.vr ?? '')).join()
    const columns = known.get(key) ?? columnsFor(fieldsIn(fields, source))
    known.set(key, columns)
    return columns
  }
  return {
    stored: own.flatMap(({ kind, stored }) => (kind === 'stored' ? [stored] : [])),
    draft: (entity, source, whole) => {
      const columns = inBlocks.length > 0 ? columnsIn(source) : own
      const uids = uidsOf(entity)
      const pieces = columns.flatMap((column) => pieceOf(column, { entity, source, uids, service }) ?? [])
      if (all && whole) addOthers(pieces, all.others(whole), whole)
      return { uids, pieces, whole, isBulky: pieces.some((piece) => typeof piece !== 'string') }
    },
    text: ({ pieces, whole }, shown) => {
      const address = `${service}${retrievePath(shown.study ?? '', shown.series, shown.instance)}/bulkdata/`
      const lines = pieces.map((piece) =>
        typeof piece === 'string'
          ? piece
          : attributeText(piece.tag, piece.element, (path) => address + path.join('/')),
      )
      return all && whole ? all.text(whole, lines) : `{${lines.join(',')}}`
    },
  }
}

function uidsOf(entity: Row): Partial<InstanceUids> {
  const uids: { -readonly [K in keyof InstanceUids]?: string } = {}
  const [study, series, instance] = [entity['study_uid'], entity['series_uid'], entity['sop_uid']]
  if (typeof study === 'string') uids.study = study
  if (typeof series === 'string') uids.series = series
  if (typeof instance === 'string') uids.instance = instance
  return uids
}

/** What rows say of one tag. */
interface Column {
  readonly tag: Tag
  readonly kind: 'stored' | 'aggregate' | 'availability' | 'charset' | 'url'
  /** The tag under which data sets have it. */
  readonly stored: Tag
  readonly field: Field
  /** The line of a row in which it is not shown, and where it is not there. */
  readonly hidden: string | null
  readonly missing: string | null
  /** Lines with sequences, of which a part is shown, and that part: many rows have the same. */
  readonly parts: Map<string, Piece | null>
  /** The last line and what is shown of it: the next row is mostly of the same series. */
  last: { readonly line: string; readonly piece: Piece | null } | null
}

const AVAILABILITY: Tag = '00080056'
const CHARSET: Tag = '00080005'
const RETRIEVE_URL: Tag = '00081190'
const ONLINE_LINE = lineOf(AVAILABILITY, ONLINE)
/** Of the answer, whatever that of a file was: JSON is UTF-8 (PS3.18 §F.2). */
const CHARSET_LINE = lineOf(CHARSET, { vr: 'CS', Value: ['ISO_IR 192'] })
const SHOWN: Field = { isWhole: true, isRequired: false, inner: new Map() }

/** The columns of fields, in ascending order. */
function columnsOf(query: Query): (fields: Fields) => readonly Column[] {
  const { level, include, service } = query
  const isAll = include === 'all'
  const isMade = service !== undefined && level !== 'patient'
  const made = isMade ? [AVAILABILITY, RETRIEVE_URL] : []
  // An aggregate that an instance has written into it is none.
  if (isAll && level !== 'instance') made.push(...[...AGGREGATES.keys()].filter((tag) => isInAll(level, tag)))
  const kindOf = (tag: Tag): Column['kind'] => {
    if (aggregateOf(tag)) return 'aggregate'
    if (tag === AVAILABILITY && service !== undefined) return 'availability'
    if (tag === CHARSET) return 'charset'
    return tag === RETRIEVE_URL && isMade ? 'url' : 'stored'
  }
  const columnOf = (tag: Tag, field: Field): Column => {
    const hidden = isAll ? `"${tag}":null` : null
    const missing = missingElement(tag, field)
    return {
      ...{ tag, kind: kindOf(tag), stored: storedTag(tag), hidden, parts: new Map(), last: null },
      field: isAll && isInAll(level, tag) ? { ...field, isWhole: true } : field,
      missing: missing ? lineOf(tag, missing) : hidden,
    }
  }
  return (fields) =>
    [...new Set([...fields.keys(), ...made])]
      .filter((tag) => readPrivateStep(tag) === undefined && (tag === CHARSET || !isLeftOut(tag)))
      .sort()
      .map((tag) => columnOf(tag, fields.get(tag) ?? SHOWN))
}

function fieldsIn(fields: Fields, source: StoredDataSet): Fields {
  return resolvedFields(
    fields,
    (step) => tagsIn(source, step),
    (tag) => source.element(tag),
  )
}

interface RowParts {
  readonly entity: Row
  readonly source: StoredDataSet
  readonly uids: Partial<InstanceUids>
  readonly service: string
}

function pieceOf(column: Column, { entity, source, uids, service }: RowParts): Piece | null {
  const { tag, kind, stored, hidden, missing } = column
  if (kind === 'availability') return ONLINE_LINE
  if (kind === 'charset') return CHARSET_LINE
  if (kind === 'url') {
    const url = service + retrievePath(uids.study ?? '', uids.series, uids.instance)
    return lineOf(tag, { vr: 'UR', Value: [url] })
  }
  if (kind === 'aggregate') {
    // It replaces what an instance says of the whole; left out where there is nothing to say (design §6).
    const element = aggregateElement(tag, entity)
    return element ? lineOf(tag, element) : hidden
  }
  const line = source.line(stored)
  if (line === undefined) return missing
  if (column.last?.line !== line) column.last = { line, piece: pieceOfLine(column, line) }
  return column.last.piece
}

function pieceOfLine(column: Column, line: string): Piece | null {
  const { tag, stored } = column
  if (column.field.isWhole && isPlain(line)) return tag === stored ? line : `"${tag}":${line.slice(11)}`
  let part = column.parts.get(line)
  if (part === undefined) {
    part = partOf(column, line)
    column.parts.set(line, part)
  }
  return part
}

function partOf({ tag, field, hidden }: Column, line: string): Piece | null {
  const element = shownElement(field, elementOfLine(line))
  return element ? madePiece(tag, element) : hidden
}

function madePiece(tag: Tag, element: DataElement): Piece {
  return hasBulk(element) ? { tag, element } : attributeText(tag, element, () => '')
}

/** What a row with everything shows and is no text, but for bulk data that is not named (QIDO-47). */
function addOthers(pieces: Piece[], others: readonly Tag[], whole: KeptDataSet): void {
  const known = new Set(pieces.map(tagOfPiece))
  const more = others.flatMap((tag) => {
    const element = known.has(tag) ? undefined : whole.element(tag)
    return element === undefined || element.offset !== undefined ? [] : [madePiece(tag, element)]
  })
  if (more.length === 0) return
  pieces.push(...more)
  pieces.sort((a, b) => (tagOfPiece(a) < tagOfPiece(b) ? -1 : 1))
}

function tagOfPiece(piece: Piece): Tag {
  return typeof piece === 'string' ? piece.slice(1, 9) : piece.tag
}

function lineOf(tag: Tag, element: DataElement): string {
  return `"${tag}":${JSON.stringify(element)}`
}
